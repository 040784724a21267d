/** Brings the open study's pictures into the viewport: which series, which frame, in which view. */

import { Rulers } from "../cornerstone/rulers";
import { StackView, type KeptView } from "../cornerstone/stackView";
import { choose, type ToolName } from "../cornerstone/tools";
import { firstIndex, placeOf, type Frame } from "../logic/frames";
import { FrameLoader } from "./frameLoader";
import { MeasurementLog } from "./measurementLog";
import { activeFrames, useViewer } from "./viewerStore";

export class StackSession {
  view: StackView | null = null;
  readonly measurements: MeasurementLog;
  private rulers: Rulers | null = null;
  private readonly loader: FrameLoader;
  /** How each series was left. */
  private readonly left = new Map<string, { index: number; view: KeptView | null }>();
  private mounted: readonly Frame[] | null = null;
  private mountedSeries = "";
  private isPainting = false;
  private isStale = false;
  private isOver = false;

  constructor(
    team: string,
    studyUid: string,
    private readonly onFirstImage: () => void,
  ) {
    this.loader = new FrameLoader(team, studyUid, (seriesUid, index) => {
      const wanted = useViewer.getState();
      if (seriesUid === wanted.seriesUid && index === wanted.index) this.paint();
    });
    this.measurements = new MeasurementLog(team, () => this.rulers);
    window.addEventListener("online", this.online);
    window.addEventListener("offline", this.offline);
  }

  destroy(): void {
    this.isOver = true;
    window.removeEventListener("online", this.online);
    window.removeEventListener("offline", this.offline);
    this.detach();
    this.loader.destroy();
  }

  private readonly online = (): void => {
    this.loader.resume();
    void this.open(useViewer.getState().seriesUid ?? "");
  };

  private readonly offline = (): void => {
    this.loader.pause();
  };

  attach(element: HTMLDivElement): void {
    this.view = new StackView(element, { onRendered: this.rendered, onScroll: (steps) => { this.scrollBy(steps); } });
    this.rulers = new Rulers(this.view, (measurements) => { this.measurements.record(measurements); });
    choose(useViewer.getState().tool);
    this.paint();
  }

  detach(): void {
    this.rulers?.destroy();
    this.view?.destroy();
    [this.rulers, this.view, this.mounted, this.mountedSeries] = [null, null, null, ""];
  }

  /**
   * Opens a series at a slice (as the site counts), else as it was left, else in its middle; the one that is open is tried
   * again if it could not be loaded.
   */
  async open(seriesUid: string, slice?: number): Promise<void> {
    const { seriesUid: before, index } = useViewer.getState();
    if (!seriesUid || (before === seriesUid && this.loader.has(seriesUid) && slice === undefined)) return;
    if (before !== seriesUid) this.turnTo(seriesUid, before, index);
    const frames = await this.loader.frames(seriesUid);
    if (!frames || this.isOver || useViewer.getState().seriesUid !== seriesUid) return;
    this.setPace(frames);
    const place = slice === undefined ? -1 : placeOf(frames, slice);
    this.goTo(place >= 0 ? place : (this.left.get(seriesUid)?.index ?? firstIndex(frames)));
    this.loader.goOnFrom(seriesUid);
  }

  private turnTo(seriesUid: string, before: string | null, index: number): void {
    if (before) this.left.set(before, { index, view: this.mountedSeries === before ? (this.view?.kept() ?? null) : null });
    useViewer.setState((state) => ({ seriesUid, index: 0, probe: null, cine: { ...state.cine, isPlaying: false } }));
    this.measurements.open(seriesUid);
  }

  /** A film plays as fast as it was taken. */
  private setPace(frames: readonly Frame[]): void {
    const frameTimeMs = frames[0]?.frameTimeMs;
    if (!frameTimeMs) return;
    const framesPerSecond = Math.min(60, Math.max(1, Math.round(1000 / frameTimeMs)));
    useViewer.setState((state) => ({ cine: { ...state.cine, framesPerSecond } }));
  }

  /** Takes in what has arrived of a series since it was fetched; the picture on screen stays. */
  async grow(seriesUid: string): Promise<void> {
    const before = useViewer.getState();
    const old = before.frames[seriesUid];
    if (!old) return;
    const frames = await this.loader.framesAfresh(seriesUid);
    if (!frames || this.isOver || useViewer.getState().seriesUid !== seriesUid) return;
    const wanted = old[useViewer.getState().index]?.imageId;
    const place = frames.findIndex((frame) => frame.imageId === wanted);
    this.goTo(place >= 0 ? place : firstIndex(frames));
  }

  goTo(index: number): void {
    const state = useViewer.getState();
    const frames = activeFrames(state);
    if (!state.seriesUid || !frames.length) return;
    const place = Math.max(0, Math.min(frames.length - 1, index));
    useViewer.setState({ index: place });
    this.loader.focus(state.seriesUid, place);
    this.paint();
  }

  /** Asks once more for what could not be loaded: the open series, or the frame that is looked at. */
  async tryAgain(): Promise<void> {
    const { seriesUid, index } = useViewer.getState();
    if (!seriesUid) return;
    if (!this.loader.has(seriesUid)) return this.open(seriesUid);
    this.loader.forgive(seriesUid, index);
    this.goTo(index);
  }

  scrollBy(steps: number): void {
    this.goTo(useViewer.getState().index + steps);
  }

  /** Goes to the frame of an instance; false when this stack does not have it. */
  goToFrame(sopInstanceUid: string, frameNumber: number): boolean {
    const frames = activeFrames(useViewer.getState());
    const index = frames.findIndex((one) => one.sopInstanceUid === sopInstanceUid && one.frameNumber === frameNumber);
    if (index >= 0) this.goTo(index);
    return index >= 0;
  }

  isLoaded(index: number): boolean {
    return this.loader.isLoaded(useViewer.getState().seriesUid ?? "", index);
  }

  setTool(tool: ToolName): void {
    useViewer.setState({ tool });
    choose(tool);
  }

  /** Puts the wanted frame on screen, once it is in memory; of many wishes only the last one counts. */
  private paint(): void {
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
    const state = useViewer.getState();
    const [view, seriesUid, frames] = [this.view, state.seriesUid, activeFrames(state)];
    if (!view || !seriesUid || !this.loader.isLoaded(seriesUid, state.index)) return;
    if (this.mounted === frames) {
      await view.show(state.index);
    } else {
      const kept = this.mountedSeries === seriesUid ? view.kept() : (this.left.get(seriesUid)?.view ?? null);
      [this.mounted, this.mountedSeries] = [frames, seriesUid];
      await view.setStack(frames, state.index, kept);
      this.measurements.draw();
    }
    await new Promise(requestAnimationFrame);
  }

  private readonly rendered = (imageId: string): void => {
    // What is drawn once more while another stack is being mounted is no longer of interest.
    if (!this.mounted?.some((frame) => frame.imageId === imageId)) return;
    if (!useViewer.getState().shownImageId) this.onFirstImage();
    useViewer.setState({ shownImageId: imageId, shownSeriesUid: this.mountedSeries, view: this.view?.state() ?? null });
  };
}
