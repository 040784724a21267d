/** A plane cut through a volume, or a slab of it, with a second volume over it where there is one. */

import { Enums, type Types } from "@cornerstonejs/core";

import type { Facing } from "../logic/cuts";
import type { ProjectionMode, Projection } from "../logic/layouts";
import { edgeLetters } from "../logic/orientation";
import { add, cross, dot, rotated, scale, subtract, type Vec3 } from "../logic/vectors";
import { rangeWindow, windowRange, type Window } from "../logic/windows";
import { ENGINE_ID, followSize, theEngine, viewportIdOf } from "./engine";
import { bindTools, SCROLL_EVENT } from "./tools";
import type { KeptView, Probe, View, ViewListener, ViewState } from "./view";
import { voxelAt } from "./volumes";

const BLENDS: Record<ProjectionMode, Enums.BlendModes> = {
  none: Enums.BlendModes.COMPOSITE,
  max: Enums.BlendModes.MAXIMUM_INTENSITY_BLEND,
  min: Enums.BlendModes.MINIMUM_INTENSITY_BLEND,
  mean: Enums.BlendModes.AVERAGE_INTENSITY_BLEND,
};

/** What is in the file's own window, or the volume's whole range. */
export interface Layer {
  volumeId: string;
  window: Window;
  isInverted: boolean;
  colormap: string;
}

export interface OverLayer extends Layer {
  /** 0 to 1, where its values are highest. */
  opacity: number;
}

interface Kept {
  /** Of the pane's middle from where the picture fits, along the picture's right and upwards (mm). */
  offset: readonly [number, number];
  /** 1 is as large as fits. */
  zoom: number;
  roll: number;
  flipHorizontal: boolean;
  window: Window;
  isInverted: boolean;
  colormap: string;
}

/** How far before and behind the plane the eye may stand: it does not matter, but must be outside. */
const EYE_MM = 1000;

export class PlaneView implements View {
  private readonly viewport: Types.IVolumeViewport;
  private readonly unbind: () => void;
  private readonly unfollow: () => void;
  private layer: Layer | null = null;
  private over: OverLayer | null = null;
  private own: Layer | null = null;
  private facing: Facing = { normal: [0, 0, -1], up: [0, -1, 0] };
  private center: Vec3 = [0, 0, 0];
  /** By how much the picture is turned in its plane, in radians. */
  private roll = 0;
  private fitScale = 1;
  private fitPoint: Vec3 = [0, 0, 0];

  constructor(
    place: number,
    readonly element: HTMLDivElement,
    private readonly listener: ViewListener,
  ) {
    const viewportId = viewportIdOf(place);
    const defaultOptions = { background: [0, 0, 0] as Types.Point3 };
    theEngine().enableElement({ viewportId, element, type: Enums.ViewportType.ORTHOGRAPHIC, defaultOptions });
    this.viewport = theEngine().getViewport(viewportId) as Types.IVolumeViewport;
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
    if (this.layer) this.listener.onRendered(this.layer.volumeId);
  };

  private readonly scrolled = (event: Event): void => {
    this.listener.onScroll((event as CustomEvent<number>).detail);
  };

  /** Shows a volume through a point, looked at from one side; a second one over it. */
  async setVolumes(layer: Layer, over: OverLayer | null, center: Vec3, facing: Facing): Promise<void> {
    this.own = layer;
    this.layer = { ...layer };
    this.over = over;
    await this.viewport.setVolumes([layer, ...(over ? [over] : [])].map(({ volumeId }) => ({ volumeId })), false, true);
    [this.center, this.facing, this.roll] = [center, facing, 0];
    this.look(center, 1);
    this.fit();
    this.paint();
  }

  private paint(): void {
    const { layer, over } = this;
    if (!layer) return;
    this.viewport.setProperties({ colormap: { name: layer.colormap || "Grayscale" }, voiRange: windowRange(layer.window), invert: layer.isInverted }, layer.volumeId);
    if (over) {
      const voiRange = windowRange(over.window);
      // What is not taken up must not veil what lies below.
      const opacity = [
        { value: voiRange.lower, opacity: 0 },
        { value: voiRange.lower + (voiRange.upper - voiRange.lower) * 0.15, opacity: over.opacity * 0.6 },
        { value: voiRange.upper, opacity: over.opacity },
      ];
      this.viewport.setProperties({ colormap: { name: over.colormap, opacity }, voiRange }, over.volumeId);
    }
    this.viewport.render();
  }

  /** Moves the plane through a point; the picture keeps its place in the pane. */
  setCut(center: Vec3, facing: Facing): void {
    const { focalPoint, parallelScale } = this.camera();
    const before = this.basis();
    const offset = subtract(focalPoint, this.center);
    const [right, up] = [dot(offset, before.right), dot(offset, before.up)];
    [this.center, this.facing] = [center, facing];
    const now = this.basis();
    this.look(add(center, add(scale(now.right, right), scale(now.up, up))), parallelScale);
    this.viewport.render();
  }

  setProjection({ mode, slabMm }: Projection): void {
    this.viewport.setBlendMode(BLENDS[mode]);
    this.viewport.setSlabThickness(mode === "none" ? 0.1 : slabMm);
    this.viewport.render();
  }

  setFusion(change: Pick<OverLayer, "opacity" | "colormap">): void {
    if (this.over) this.over = { ...this.over, ...change };
    this.paint();
  }

  private basis(): { right: Vec3; up: Vec3 } {
    const { normal, up } = this.facing;
    const turnedUp = rotated(up, normal, this.roll);
    return { up: turnedUp, right: cross(turnedUp, normal) };
  }

  private look(focalPoint: Vec3, parallelScale: number): void {
    const { normal } = this.facing;
    this.viewport.setCamera({
      viewPlaneNormal: [...normal],
      viewUp: [...this.basis().up],
      focalPoint: [...focalPoint],
      position: [...add(focalPoint, scale(normal, EYE_MM))],
      parallelScale,
    });
  }

  private camera(): { focalPoint: Vec3; parallelScale: number; flipHorizontal: boolean } {
    const { focalPoint = [0, 0, 0], parallelScale = 1, flipHorizontal = false } = this.viewport.getCamera();
    return { focalPoint, parallelScale, flipHorizontal };
  }

  kept(): KeptView {
    const { layer } = this;
    if (!layer) return {};
    const { focalPoint, parallelScale, flipHorizontal } = this.camera();
    const { right, up } = this.basis();
    const moved = subtract(focalPoint, this.fitPoint);
    return {
      offset: [dot(moved, right), dot(moved, up)],
      zoom: this.fitScale / parallelScale,
      roll: this.roll,
      flipHorizontal,
      window: this.window(),
      isInverted: layer.isInverted,
      colormap: layer.colormap,
    } satisfies Kept;
  }

  restore(kept: KeptView): void {
    const { offset, zoom, roll, flipHorizontal, window, isInverted, colormap } = kept as unknown as Partial<Kept>;
    if (!this.layer || !offset || !zoom || !window) return;
    this.roll = roll ?? 0;
    this.layer = { ...this.layer, window, isInverted: isInverted ?? false, colormap: colormap ?? "" };
    // The plane may have been moved since, or the pane have another size: only the place within it comes back.
    this.measureFit();
    const { right, up } = this.basis();
    this.look(add(this.fitPoint, add(scale(right, offset[0]), scale(up, offset[1]))), this.fitScale / zoom);
    if ((this.camera().flipHorizontal) !== (flipHorizontal ?? false)) this.viewport.setCamera({ flipHorizontal: flipHorizontal ?? false });
    this.paint();
  }

  private window(): Window {
    const voiRange = this.layer && this.viewport.getProperties(this.layer.volumeId)?.voiRange;
    return voiRange ? rangeWindow(voiRange) : (this.layer?.window ?? { center: 0, width: 1 });
  }

  setWindow(window: Window): void {
    if (this.layer) this.layer = { ...this.layer, window };
    this.paint();
  }

  resetWindow(): void {
    if (this.own) this.setWindow(this.own.window);
  }

  setColormap(name: string): void {
    if (this.layer) this.layer = { ...this.layer, colormap: name, window: this.window() };
    this.paint();
  }

  invert(): void {
    if (this.layer) this.layer = { ...this.layer, isInverted: !this.layer.isInverted, window: this.window() };
    this.paint();
  }

  fit(): void {
    this.measureFit();
    this.look(this.fitPoint, this.fitScale);
    this.viewport.render();
  }

  /** Finds out where and how large the picture is when it fits. */
  private measureFit(): void {
    const { normal } = this.facing;
    this.viewport.resetCamera({ resetPan: true, resetZoom: true, resetToCenter: true });
    const { focalPoint, parallelScale } = this.camera();
    this.fitScale = parallelScale;
    this.fitPoint = add(focalPoint, scale(normal, dot(subtract(this.center, focalPoint), normal)));
  }

  reset(): void {
    this.roll = 0;
    if (this.camera().flipHorizontal) this.viewport.setCamera({ flipHorizontal: false });
    if (this.own) this.layer = { ...this.own };
    this.fit();
    this.paint();
  }

  rotate(): void {
    const { focalPoint, parallelScale } = this.camera();
    this.roll += Math.PI / 2;
    this.look(focalPoint, parallelScale);
    this.viewport.render();
  }

  flip(): void {
    this.viewport.setCamera({ flipHorizontal: !this.camera().flipHorizontal });
    this.viewport.render();
  }

  zoomBy(factor: number): void {
    const { focalPoint, parallelScale } = this.camera();
    const wanted = Math.min(this.fitScale * 10, Math.max(this.fitScale / 60, parallelScale / factor));
    this.look(focalPoint, wanted);
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
    if (!this.layer) return null;
    const [origin, right, down] = [this.toWorld(0, 0), this.toWorld(100, 0), this.toWorld(0, 100)];
    const [toRight, toBottom] = [subtract(right, origin), subtract(down, origin)];
    const worldPerPixel = Math.hypot(...toRight) / 100;
    return {
      window: this.window(),
      scale: this.fitScale / this.camera().parallelScale,
      isInverted: this.layer.isInverted,
      edges: edgeLetters(toRight, toBottom),
      worldPerPixel,
    };
  }

  probe(x: number, y: number): Probe | null {
    const point = [...this.toWorld(x, y)] as Types.Point3;
    const found = this.layer && voxelAt(this.layer.volumeId, point);
    if (!found) return null;
    const over = this.over && voxelAt(this.over.volumeId, point);
    return { column: found.index[0], row: found.index[1], values: [found.value], over: over?.value ?? null };
  }
}
