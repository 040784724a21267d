/** A volume, lit: turned by the pointer, coloured by a preset. */

import { Enums, type Types } from "@cornerstonejs/core";

import type { Vec3 } from "../logic/vectors";
import { followSize, theEngine, ENGINE_ID, viewportIdOf } from "./engine";
import { bindSolidTools } from "./tools";
import type { KeptView, Probe, View, ViewListener, ViewState } from "./view";

interface Kept {
  camera: Types.ICamera;
  preset: string;
}

export class SolidView implements View {
  private readonly viewport: Types.IVolumeViewport;
  private readonly unbind: () => void;
  private readonly unfollow: () => void;
  private volumeId = "";
  private preset = "";

  constructor(
    place: number,
    readonly element: HTMLDivElement,
    private readonly listener: ViewListener,
  ) {
    const viewportId = viewportIdOf(place);
    theEngine().enableElement({ viewportId, element, type: Enums.ViewportType.VOLUME_3D, defaultOptions: { background: [0, 0, 0] } });
    this.viewport = theEngine().getViewport(viewportId) as Types.IVolumeViewport;
    this.unbind = bindSolidTools(viewportId, ENGINE_ID);
    element.addEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    this.unfollow = followSize(this);
  }

  destroy(): void {
    this.unfollow();
    this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    this.unbind();
    theEngine().disableElement(this.viewport.id);
  }

  private readonly rendered = (): void => {
    if (this.volumeId) this.listener.onRendered(this.volumeId);
  };

  async setVolume(volumeId: string, preset: string): Promise<void> {
    this.volumeId = volumeId;
    await this.viewport.setVolumes([{ volumeId }], false, true);
    this.setPreset(preset);
    this.reset();
  }

  setPreset(preset: string): void {
    this.preset = preset;
    this.viewport.setProperties({ preset }, this.volumeId);
    this.viewport.render();
  }

  kept(): KeptView {
    return this.volumeId ? ({ camera: this.viewport.getCamera(), preset: this.preset } satisfies Kept) : {};
  }

  restore(kept: KeptView): void {
    const { camera, preset } = kept as unknown as Partial<Kept>;
    if (!this.volumeId || !camera) return;
    this.viewport.setCamera(camera);
    if (preset && preset !== this.preset) this.setPreset(preset);
    this.viewport.render();
  }

  fit(): void {
    this.viewport.resetCamera({ resetPan: true, resetZoom: true, resetToCenter: true });
    this.viewport.render();
  }

  /** Looks from the front, head up. */
  reset(): void {
    this.viewport.setCamera({ viewPlaneNormal: [0, -1, 0], viewUp: [0, 0, 1] });
    this.fit();
  }

  zoomBy(factor: number): void {
    this.viewport.setZoom(Math.min(20, Math.max(0.1, this.viewport.getZoom() * factor)));
    this.viewport.render();
  }

  rotate(): void {
    const { viewUp = [0, 0, 1], viewPlaneNormal = [0, -1, 0] } = this.viewport.getCamera();
    const [u, n] = [viewUp, viewPlaneNormal];
    this.viewport.setCamera({ viewUp: [n[1] * u[2] - n[2] * u[1], n[2] * u[0] - n[0] * u[2], n[0] * u[1] - n[1] * u[0]] });
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
    return this.volumeId ? { window: null, scale: this.viewport.getZoom(), isInverted: false, edges: null, worldPerPixel: 0 } : null;
  }

  probe(): Probe | null {
    return null;
  }

  // A lit volume has no window, no mirror and no negative: its preset says how it looks.
  setWindow(): void { /* see above */ }
  resetWindow(): void { /* see above */ }
  setColormap(): void { /* see above */ }
  invert(): void { /* see above */ }
  flip(): void { /* see above */ }
}
