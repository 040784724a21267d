/** A stack of pictures in a pane: everything the page asks of Cornerstone's stack viewport goes through here. */

import { Enums, type Types } from "@cornerstonejs/core";

import type { Frame } from "../logic/frames";
import { edgeLetters } from "../logic/orientation";
import { subtract, type Vec3 } from "../logic/vectors";
import { rangeWindow, windowRange, type Window } from "../logic/windows";
import { followSize, ENGINE_ID, theEngine, viewportIdOf } from "./engine";
import { ownWindow } from "./memory";
import { bindTools, SCROLL_EVENT } from "./tools";
import type { KeptView, Probe, View, ViewListener, ViewState } from "./view";

interface Kept {
  presentation: Types.ViewPresentation;
  properties: Types.StackViewportProperties;
}

export class StackView implements View {
  private readonly viewport: Types.IStackViewport;
  private readonly unbind: () => void;
  private readonly unfollow: () => void;

  constructor(
    place: number,
    readonly element: HTMLDivElement,
    private readonly listener: ViewListener,
  ) {
    const viewportId = viewportIdOf(place);
    theEngine().enableElement({ viewportId, element, type: Enums.ViewportType.STACK });
    this.viewport = theEngine().getViewport(viewportId) as Types.IStackViewport;
    this.unbind = bindTools(viewportId, ENGINE_ID);
    element.addEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    element.addEventListener(SCROLL_EVENT, this.scrolled);
    this.unfollow = followSize(this);
  }

  destroy(): void {
    this.unfollow();
    this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    this.element.removeEventListener(SCROLL_EVENT, this.scrolled);
    this.unbind();
    theEngine().disableElement(this.viewport.id);
  }

  private readonly rendered = (): void => {
    const image = this.shownImageId();
    if (image) this.listener.onRendered(image);
  };

  private readonly scrolled = (event: Event): void => {
    this.listener.onScroll((event as CustomEvent<number>).detail);
  };

  kept(): KeptView {
    if (!this.image()) return {};
    const { voiRange, invert = false, isComputedVOI, colormap } = this.viewport.getProperties();
    // A window that nobody has set is each image's own.
    const window = isComputedVOI || !voiRange ? {} : { voiRange };
    const properties = { invert, ...window, ...(colormap?.name && { colormap: { name: colormap.name } }) };
    return { presentation: this.viewport.getViewPresentation(), properties } satisfies Kept;
  }

  restore(kept: KeptView): void {
    const { presentation, properties } = kept as unknown as Partial<Kept>;
    if (!presentation || !properties || !this.image()) return;
    if (!properties.voiRange) this.resetProperties();
    this.viewport.setProperties(properties);
    this.viewport.setViewPresentation(presentation);
    this.viewport.render();
  }

  /** Shows a stack, in the view that it had. */
  async setStack(frames: readonly Frame[], index: number, kept: KeptView | null): Promise<void> {
    await this.viewport.setStack(
      frames.map((frame) => frame.imageId),
      index,
    );
    if (kept?.presentation) this.restore(kept);
    // The viewport would carry the last stack's place, turn and window over to one of the same size.
    else this.reset();
  }

  /** Shows a frame that is in memory. */
  async show(index: number): Promise<void> {
    await this.viewport.setImageIdIndex(index);
  }

  shownImageId(): string | undefined {
    return this.image()?.imageId;
  }

  private image(): Types.IImage | undefined {
    return (this.viewport as unknown as { getCornerstoneImage: () => Types.IImage | undefined }).getCornerstoneImage();
  }

  setWindow(window: Window): void {
    this.viewport.setProperties({ voiRange: windowRange(window) });
    this.viewport.render();
  }

  /** Goes back to the image's own window: the file's, else all its values. */
  resetWindow(): void {
    const { invert = false } = this.viewport.getProperties();
    this.resetProperties();
    this.viewport.setProperties({ invert });
    this.viewport.render();
  }

  setColormap(name: string): void {
    if (this.image()?.color) return;
    this.viewport.setProperties({ colormap: { name: name || "Grayscale" } });
    this.viewport.render();
  }

  invert(): void {
    this.viewport.setProperties({ invert: !this.viewport.getProperties().invert });
    this.viewport.render();
  }

  /** Puts the picture back into the middle, as large as fits. */
  fit(): void {
    this.viewport.resetCamera({ resetPan: true, resetZoom: true, resetToCenter: true });
    this.viewport.render();
  }

  /** Puts everything back: window, place, size, turn. */
  reset(): void {
    this.viewport.setViewPresentation({ rotation: 0, flipHorizontal: false, flipVertical: false });
    this.resetProperties();
    this.fit();
  }

  private resetProperties(): void {
    const image = this.image();
    // The viewport's own way back forgets that MONOCHROME1 is shown the other way round.
    if (image?.invert) this.viewport.setProperties({ voiRange: windowRange(ownWindow(image)), invert: true });
    else this.viewport.resetProperties();
  }

  rotate(): void {
    const { rotation = 0 } = this.viewport.getViewPresentation();
    this.viewport.setViewPresentation({ rotation: (rotation + 90) % 360 });
    this.viewport.render();
  }

  flip(): void {
    const { flipHorizontal = false } = this.viewport.getCamera();
    this.viewport.setCamera({ flipHorizontal: !flipHorizontal });
    this.viewport.render();
  }

  zoomBy(factor: number): void {
    this.viewport.setZoom(Math.min(60, Math.max(0.1, this.viewport.getZoom() * factor)));
    this.viewport.render();
  }

  render(): void {
    this.viewport.render();
  }

  toCanvas(point: Vec3): readonly [number, number] {
    return this.viewport.worldToCanvas([...point]);
  }

  toWorld(x: number, y: number): Vec3 {
    return this.viewport.canvasToWorld([x, y]) as unknown as Vec3;
  }

  state(): ViewState | null {
    const image = this.image();
    if (!image) return null;
    const { voiRange, invert } = this.viewport.getProperties();
    const [origin, right, down] = [this.toWorld(0, 0), this.toWorld(100, 0), this.toWorld(0, 100)];
    const [toRight, toBottom] = [subtract(right, origin), subtract(down, origin)];
    const worldPerPixel = Math.hypot(...toRight) / 100;
    return {
      window: voiRange && !image.color ? rangeWindow(voiRange) : null,
      scale: image.columnPixelSpacing / worldPerPixel || 1,
      // MONOCHROME1 is dark where values are high by nature.
      isInverted: Boolean(invert) !== image.invert,
      edges: edgeLetters(toRight, toBottom),
      worldPerPixel,
    };
  }

  /** Returns the place in patient coordinates of a point of the picture, in pixels from its outer corner. */
  pixelToWorld(column: number, row: number): Vec3 {
    const { origin, spacing, direction } = this.viewport.getImageData();
    // The origin is the middle of the first pixel (PS3.3 C.7.6.2.1.1), a box's edges are those of its pixels.
    const [i, j] = [(column - 0.5) * (spacing[0] ?? 1), (row - 0.5) * (spacing[1] ?? 1)];
    const at = (axis: 0 | 1 | 2): number => origin[axis] + i * (direction[axis] ?? 0) + j * (direction[axis + 3] ?? 0);
    return [at(0), at(1), at(2)];
  }

  /** Returns the pixel under a point of the viewport and its values, or null beside the picture. */
  probe(x: number, y: number): Probe | null {
    const image = this.image();
    if (!image) return null;
    const { origin, spacing, direction } = this.viewport.getImageData();
    const from = subtract(this.toWorld(x, y), origin as unknown as Vec3);
    const along = (axis: 0 | 1): number => {
      const offset = axis * 3;
      const unit = [direction[offset] ?? 0, direction[offset + 1] ?? 0, direction[offset + 2] ?? 0] as const;
      return Math.round((from[0] * unit[0] + from[1] * unit[1] + from[2] * unit[2]) / (spacing[axis] ?? 1));
    };
    const [column, row] = [along(0), along(1)];
    if (column < 0 || row < 0 || column >= image.columns || row >= image.rows) return null;
    const pixels = image.voxelManager?.getScalarData() ?? image.getPixelData();
    const components = image.color ? Math.round(pixels.length / (image.rows * image.columns)) : 1;
    const start = (row * image.columns + column) * components;
    return { column, row, values: Array.from(pixels.slice(start, start + Math.min(components, 3))), over: null };
  }
}
