/** Brings pictures into one pane: which series, which frame or plane, in which view. */

import { cornerstoneComes, type Cornerstone } from "../cornerstone/comes";
import type { Layer, OverLayer, PlaneView } from "../cornerstone/planeView";
import type { SolidView } from "../cornerstone/solidView";
import type { KeptView, View } from "../cornerstone/view";
import { cutThrough, fitOf, gridOf, movedTo, nearestWithin, stepOf, travelOf, volumeStack, type Cut, type Grid } from "../logic/cuts";
import { firstIndex, phasesOf, placeOf, type Frame } from "../logic/frames";
import { solidPresetFor } from "../logic/solidPresets";
import { firstLoaded } from "./firstLoaded";
import type { FrameLoader } from "./frameLoader";
import { framesOfPane, paneAt, placeOfPane, seriesOf, setPane, useViewer, type PaneContent, type PaneState } from "./viewerStore";

/** What a pane tells the grid that it is in. */
export interface PaneHost {
  readonly loader: FrameLoader;
  /** Something else is looked at, or wanted. */
  onFocus: () => void;
  onRendered: () => void;
  /** A reader has moved through the pane's pictures. */
  onMoved: (place: number, steps: number) => void;
  onCut: (frameOfReferenceUid: string, cut: Cut) => void;
  /** How series were left, by UID. */
  readonly left: Map<string, { index: number; view: KeptView | null }>;
}

/** What is mounted in the view. */
interface Mounted {
  key: string;
  frames: readonly Frame[];
  seriesUid: string;
}

export class PaneSession {
  view: View | null = null;
  private element: HTMLDivElement | null = null;
  private viewKind: PaneState["kind"] | null = null;
  private mounted: Mounted | null = null;
  private grid: Grid | null = null;
  private isPainting = false;
  private isStale = false;
  private isOver = false;

  constructor(
    readonly place: number,
    private readonly host: PaneHost,
  ) {}

  destroy(): void {
    this.isOver = true;
    this.detach();
  }

  private get state(): PaneState {
    return paneAt(useViewer.getState(), this.place);
  }

  private set(change: Partial<PaneState>): void {
    setPane(this.place, change);
  }

  attach(element: HTMLDivElement): void {
    this.element = element;
    this.paint();
  }

  detach(): void {
    this.keep();
    this.view?.destroy();
    [this.view, this.viewKind, this.mounted, this.element, this.grid] = [null, null, null, null, null];
  }

  /** Remembers how the series is left. */
  private keep(): void {
    const { seriesUid, index, kind } = this.state;
    if (!seriesUid || kind !== "stack") return;
    const view = this.mounted?.seriesUid === seriesUid && this.viewKind === "stack" ? (this.view?.kept() ?? null) : null;
    this.host.left.set(seriesUid, { index, view: view ?? this.host.left.get(seriesUid)?.view ?? null });
  }

  /** Opens a series at a slice (as the site counts), else as it was left, else in its middle; what failed is tried again. */
  async open(seriesUid: string, slice?: number): Promise<void> {
    const { loader } = this.host;
    if (!seriesUid || (this.state.seriesUid === seriesUid && loader.has(seriesUid) && slice === undefined)) return;
    if (this.state.seriesUid !== seriesUid) this.turnTo(seriesUid);
    const frames = await loader.frames(seriesUid);
    if (!frames || this.isOver || this.state.seriesUid !== seriesUid) return;
    this.setPace(frames);
    if (this.state.kind === "stack") {
      const place = slice === undefined ? -1 : placeOf(frames, slice);
      this.goTo(place >= 0 ? place : (this.host.left.get(seriesUid)?.index ?? firstIndex(frames)));
    } else {
      this.host.onFocus();
      this.paint();
    }
    loader.goOnFrom(seriesUid);
  }

  private turnTo(seriesUid: string): void {
    this.keep();
    const { cine } = this.state;
    this.set({ seriesUid, index: 0, phase: 0, probe: null, fusion: null, obstacle: "", cine: { ...cine, isPlaying: false } });
  }

  /** Empties the pane. */
  clear(): void {
    this.keep();
    this.view?.destroy();
    [this.view, this.viewKind, this.mounted] = [null, null, null];
    this.set({ seriesUid: null, shownImageId: null, shownSeriesUid: null, view: null, index: 0, phase: 0, fusion: null, obstacle: "" });
    this.host.onFocus();
  }

  /** Shows what the pane has in another way. */
  change(content: Partial<PaneContent>): void {
    this.keep();
    const before = this.state;
    this.set({ ...content, obstacle: "" });
    if (content.seriesUid !== undefined && content.seriesUid !== before.seriesUid) this.set({ index: 0, phase: 0 });
    const { seriesUid, fusion, kind } = this.state;
    if (seriesUid && (!this.host.loader.has(seriesUid) || kind !== before.kind)) void this.reopen(seriesUid);
    if (fusion) void this.host.loader.frames(fusion.seriesUid).then(() => { this.host.onFocus(); this.paint(); });
    this.host.onFocus();
    this.paint();
  }

  private async reopen(seriesUid: string): Promise<void> {
    const frames = await this.host.loader.frames(seriesUid);
    if (!frames || this.isOver || this.state.seriesUid !== seriesUid) return;
    if (this.state.kind === "stack") this.goTo(this.host.left.get(seriesUid)?.index ?? firstIndex(frames));
    else this.paint();
    this.host.onFocus();
  }

  /** A film plays as fast as it was taken. */
  private setPace(frames: readonly Frame[]): void {
    const frameTimeMs = frames[0]?.frameTimeMs;
    if (!frameTimeMs) return;
    const framesPerSecond = Math.min(60, Math.max(1, Math.round(1000 / frameTimeMs)));
    this.set({ cine: { ...this.state.cine, framesPerSecond } });
  }

  /** Takes in what has arrived of its series; the picture on screen stays. */
  grown(old: readonly Frame[], frames: readonly Frame[]): void {
    if (this.state.kind !== "stack") return this.paint();
    const wanted = old[this.state.index]?.imageId;
    const place = frames.findIndex((frame) => frame.imageId === wanted);
    this.goTo(place >= 0 ? place : firstIndex(frames));
  }

  /** Goes to a frame of the stack, counted over all phases; or to a step of the plane. */
  goTo(index: number): void {
    const state = useViewer.getState();
    const pane = paneAt(state, this.place);
    if (pane.kind === "plane") return this.goToStep(index);
    const frames = framesOfPane(state, pane);
    if (!frames.length) return;
    const place = Math.max(0, Math.min(frames.length - 1, index));
    this.set({ index: place, phase: Math.floor((place * phasesOf(frames)) / frames.length) });
    this.host.onFocus();
    this.paint();
  }

  private goToStep(step: number): void {
    const { plane, count } = this.state;
    const [cut, grid] = [this.cut(), this.grid];
    if (!cut || !grid || !count) return;
    this.host.onCut(this.frameOfReference(), movedTo(cut, plane, travelOf(grid, cut.facings[plane]), step));
  }

  scrollBy(steps: number): void {
    const before = this.state.index;
    this.moveBy(steps);
    if (this.state.index !== before) this.host.onMoved(this.place, this.state.index - before);
  }

  /** Moves through the stack or along the normal, and stops at both ends. */
  moveBy(steps: number): void {
    const state = useViewer.getState();
    const pane = paneAt(state, this.place);
    const { index, count } = placeOfPane(state, pane);
    const wanted = Math.max(0, Math.min(count - 1, index + steps));
    this.goTo(pane.kind === "stack" ? wanted + pane.phase * count : wanted);
  }

  /** Goes to the same place at another time. */
  setPhase(phase: number): void {
    const state = useViewer.getState();
    const pane = paneAt(state, this.place);
    const { index, count, phases } = placeOfPane(state, pane);
    const wanted = Math.max(0, Math.min(phases - 1, phase));
    if (pane.kind === "stack") return this.goTo(wanted * count + index);
    this.set({ phase: wanted });
    this.host.onFocus();
    this.paint();
  }

  /** Goes to the frame of an instance; false when this stack does not have it. */
  goToFrame(sopInstanceUid: string, frameNumber: number): boolean {
    const frames = framesOfPane(useViewer.getState(), this.state);
    const index = frames.findIndex((one) => one.sopInstanceUid === sopInstanceUid && one.frameNumber === frameNumber);
    if (index < 0) return false;
    const [cut, center] = [this.cut(), frames[index]?.position];
    if (this.state.kind === "stack") this.goTo(index);
    else if (cut && center) this.host.onCut(this.frameOfReference(), { ...cut, center });
    return true;
  }

  /** Asks once more for what could not be loaded: the series, or the frame that is looked at. */
  async tryAgain(): Promise<void> {
    const { seriesUid, index } = this.state;
    if (!seriesUid) return;
    if (!this.host.loader.has(seriesUid)) return this.open(seriesUid);
    this.host.loader.forgive(seriesUid, index);
    this.goTo(index);
  }

  isLoaded(index: number): boolean {
    return this.state.kind === "plane" || this.host.loader.isLoaded(this.state.seriesUid ?? "", index);
  }

  /** What must come first: the frame that is looked at; of a volume the middle of it, whence the rest follows. */
  focus(): { key: string; index: number }[] {
    const state = useViewer.getState();
    const { kind, seriesUid, index, fusion, phase } = this.state;
    if (!seriesUid) return [];
    if (kind === "stack") return [{ key: seriesUid, index }];
    const middle = (uid: string): number => {
      const count = state.frames[uid]?.length ?? 0;
      const phases = phasesOf(state.frames[uid] ?? []);
      return Math.floor((count / phases) * (Math.min(phase, phases - 1) + 0.5));
    };
    return [seriesUid, ...(fusion ? [fusion.seriesUid] : [])].map((key) => ({ key, index: middle(key) }));
  }

  /** A frame has come, or failed for good. */
  settled(seriesUid: string, index: number): void {
    const { seriesUid: own, index: wanted, kind, fusion } = this.state;
    const isAwaited = kind === "stack" ? seriesUid === own && index === wanted : this.viewKind !== kind || !this.mounted;
    if (isAwaited && (seriesUid === own || seriesUid === fusion?.seriesUid)) this.paint();
  }

  /** Where planes of this patient cut has changed. */
  follow(frameOfReferenceUid: string, cut: Cut): void {
    const { kind, plane } = this.state;
    if (kind !== "plane" || !this.grid || this.frameOfReference() !== frameOfReferenceUid) return;
    const facing = cut.facings[plane];
    const travel = travelOf(this.grid, facing);
    this.set({ index: stepOf(travel, facing, cut.center), count: travel.count });
    this.planeView?.setCut(cut.center, facing);
  }

  /** Returns a cut that meets in this pane's volume, where it has one of this frame of reference. */
  within(frameOfReferenceUid: string, cut: Cut): Cut {
    if (this.state.kind !== "plane" || !this.grid || this.frameOfReference() !== frameOfReferenceUid) return cut;
    return { ...cut, center: nearestWithin(this.grid, cut.center) };
  }

  frameOfReference(): string {
    return framesOfPane(useViewer.getState(), this.state)[0]?.frameOfReferenceUid ?? "";
  }

  cut(): Cut | null {
    return useViewer.getState().cuts[this.frameOfReference()] ?? null;
  }

  /** Puts what is wanted on screen, once it is in memory; of many wishes only the last one counts. */
  paint(): void {
    this.isStale = true;
    if (!this.isPainting) void this.paintAll();
  }

  private async paintAll(): Promise<void> {
    this.isPainting = true;
    try {
      while (this.isStale && !this.isOver) {
        this.isStale = false;
        await this.paintWanted();
      }
    } finally {
      this.isPainting = false;
    }
  }

  private async paintWanted(): Promise<void> {
    const { element } = this;
    const { kind, seriesUid } = this.state;
    if (!element || !seriesUid) return;
    // Where it cannot be fetched, the frames have failed as well, and say so.
    const cornerstone = await cornerstoneComes().catch(() => null);
    if (!cornerstone || this.isOver || this.element !== element) return;
    if (kind === "stack") await this.paintStack(cornerstone, element, seriesUid);
    else await this.paintVolume(cornerstone, element, seriesUid);
    await new Promise(requestAnimationFrame);
  }

  /** Returns the view of a kind, made anew where the pane had another. */
  private viewFor<Kind extends View>(kind: PaneState["kind"], make: () => Kind): Kind {
    if (this.viewKind !== kind) {
      this.view?.destroy();
      [this.view, this.viewKind, this.mounted] = [make(), kind, null];
    }
    return this.view as Kind;
  }

  private get planeView(): PlaneView | null {
    return this.viewKind === "plane" ? (this.view as PlaneView) : null;
  }

  private readonly listener = {
    onRendered: (imageId: string): void => { this.rendered(imageId); },
    onScroll: (steps: number): void => { this.scrollBy(steps); },
  };

  private async paintStack({ StackView }: Cornerstone, element: HTMLDivElement, seriesUid: string): Promise<void> {
    const { index } = this.state;
    const frames = framesOfPane(useViewer.getState(), this.state);
    if (!this.host.loader.isLoaded(seriesUid, index)) return;
    const view = this.viewFor("stack", () => new StackView(this.place, element, this.listener));
    if (this.mounted?.frames === frames) return view.show(index);
    const kept = this.mounted?.seriesUid === seriesUid ? view.kept() : (this.host.left.get(seriesUid)?.view ?? null);
    this.mounted = { key: seriesUid, frames, seriesUid };
    await view.setStack(frames, index, kept);
    const { colormap } = this.state;
    if (colormap) view.setColormap(colormap);
  }

  private async paintVolume(cornerstone: Cornerstone, element: HTMLDivElement, seriesUid: string): Promise<void> {
    const { PlaneView, SolidView, volumeOf } = cornerstone;
    const state = useViewer.getState();
    const { kind, phase, fusion, preset, plane, projection } = this.state;
    const stack = volumeStack(state.frames[seriesUid] ?? [], phase);
    if (!stack.length) return;
    const fit = fitOf(stack);
    if (fit !== "fits" && fit !== "uneven") return this.set({ obstacle: fit, shownImageId: null, shownSeriesUid: null });
    const key = [seriesUid, phase, fusion?.seriesUid, plane].join();
    if (this.mounted?.key === key && this.viewKind === kind && this.mounted.frames === stack) return this.adjust();
    const first = firstLoaded(cornerstone, stack);
    const grid = gridOf(stack);
    if (!first || !grid) return;
    const volumeId = await volumeOf(stack);
    if (this.isOver || this.state.seriesUid !== seriesUid || this.element !== element) return;
    this.grid = grid;
    if (kind === "solid") {
      const view = this.viewFor("solid", () => new SolidView(this.place, element, this.listener));
      this.mounted = { key, frames: stack, seriesUid };
      const chosen = preset || solidPresetFor(seriesOf(state, seriesUid)?.modality ?? "");
      this.set({ preset: chosen });
      return view.setVolume(volumeId, chosen);
    }
    const over = fusion ? await this.overLayer(cornerstone, fusion.seriesUid) : null;
    const view = this.viewFor("plane", () => new PlaneView(this.place, element, this.listener));
    const isSame = this.mounted?.seriesUid === seriesUid;
    const kept = isSame ? view.kept() : null;
    this.mounted = { key, frames: stack, seriesUid };
    const layer: Layer = { volumeId, window: first.window, isInverted: first.isInverted, colormap: this.state.colormap };
    const cut = this.cut() ?? cutThrough(grid);
    await view.setVolumes(layer, over, cut.center, cut.facings[plane]);
    view.setProjection(projection);
    if (kept) view.restore(kept);
    this.host.onCut(this.frameOfReference(), cut);
  }

  /** What can be changed without mounting anew. */
  private adjust(): void {
    const { planeView } = this;
    const { projection, fusion, preset } = this.state;
    planeView?.setProjection(projection);
    if (fusion) planeView?.setFusion(fusion);
    if (this.viewKind === "solid" && preset) (this.view as SolidView).setPreset(preset);
  }

  private async overLayer(cornerstone: Cornerstone, seriesUid: string): Promise<OverLayer | null> {
    const frames = useViewer.getState().frames[seriesUid] ?? [];
    const stack = volumeStack(frames, 0);
    const { fusion } = this.state;
    const first = firstLoaded(cornerstone, stack);
    if (!fusion || !first || !["fits", "uneven"].includes(fitOf(stack))) return null;
    // PET as it is usually read: up to an uptake of 7; where that is not known, in its own window.
    const factor = stack[0]?.suvFactor;
    const window = factor ? { center: 3.5 / factor, width: 7 / factor } : first.window;
    return { volumeId: await cornerstone.volumeOf(stack), window, isInverted: false, colormap: fusion.colormap, opacity: fusion.opacity };
  }

  private rendered(imageId: string): void {
    const { mounted } = this;
    if (!mounted) return;
    // What is drawn once more while another stack is being mounted is no longer of interest.
    if (this.viewKind === "stack" && !mounted.frames.some((frame) => frame.imageId === imageId)) return;
    this.host.onRendered();
    this.set({ shownImageId: imageId, shownSeriesUid: mounted.seriesUid, view: this.view?.state() ?? null });
  }
}
