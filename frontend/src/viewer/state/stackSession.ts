/** Brings the open study's pictures into the viewport: which series, which frame, what is fetched next. */

import { forgetFrames, keepFrame, loadFrame, onForgotten, registerFrames } from "../cornerstone/memory";
import { Rulers } from "../cornerstone/rulers";
import { memoryBudget } from "../cornerstone/setup";
import { StackView, type KeptView } from "../cornerstone/stackView";
import { choose, type ToolName } from "../cornerstone/tools";
import { firstIndex, framesOf, type Frame } from "../logic/frames";
import { LoadQueue } from "../logic/loadQueue";
import { MeasurementLog } from "./measurementLog";
import { Progress } from "./progress";
import { dicomwebRoot, fetchSeriesMetadata } from "./server";
import { activeFrames, setLoading, useViewer } from "./viewerStore";

const PARALLEL_REQUESTS = 6;

export class StackSession {
  view: StackView | null = null;
  readonly measurements: MeasurementLog;
  private rulers: Rulers | null = null;
  private readonly queue: LoadQueue;
  private readonly progress = new Progress();
  private readonly fetching = new Map<string, Promise<readonly Frame[]>>();
  /** How each series was left. */
  private readonly left = new Map<string, { index: number; view: KeptView | null }>();
  private readonly stopListening: () => void;
  private mounted: readonly Frame[] | null = null;
  private mountedSeries = "";
  private isPainting = false;
  private isStale = false;
  private isOver = false;

  constructor(
    private readonly team: string,
    private readonly studyUid: string,
    private readonly onFirstImage: () => void,
  ) {
    this.queue = new LoadQueue(
      {
        load: async (item) => {
          const image = await loadFrame(item.imageId);
          if (!this.isOver) keepFrame(image);
        },
        onSettled: (key, index, ok) => {
          this.progress.settled(key, index, ok);
          if (this.isWanted(key, index)) this.paint();
        },
        onComplete: (key) => {
          performance.mark(`series-complete:${key}`);
          if (key === useViewer.getState().seriesUid) void this.fetchOthers();
        },
      },
      { parallel: PARALLEL_REQUESTS, bytes: memoryBudget() },
    );
    this.measurements = new MeasurementLog(team, () => this.rulers);
    this.stopListening = onForgotten((imageId) => {
      const place = this.queue.forget(imageId);
      if (place) this.progress.forgotten(place.key, place.index);
    });
    window.addEventListener("online", this.online);
    window.addEventListener("offline", this.offline);
  }

  destroy(): void {
    this.isOver = true;
    this.stopListening();
    window.removeEventListener("online", this.online);
    window.removeEventListener("offline", this.offline);
    this.queue.stop();
    this.progress.stop();
    this.detach();
    forgetFrames();
  }

  private readonly online = (): void => {
    this.queue.resume();
    void this.open(useViewer.getState().seriesUid ?? "");
  };

  private readonly offline = (): void => {
    this.queue.pause();
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

  /** Opens a series as it was left, or at its beginning; the one that is open is tried again if it could not be loaded. */
  async open(seriesUid: string): Promise<void> {
    const { seriesUid: before, index } = useViewer.getState();
    if (!seriesUid || (before === seriesUid && this.fetching.has(seriesUid))) return;
    if (before !== seriesUid) this.turnTo(seriesUid, before, index);
    const frames = await this.ensureFrames(seriesUid).catch(() => null);
    if (!frames || this.isOver || useViewer.getState().seriesUid !== seriesUid) return;
    this.setPace(frames);
    this.goTo(this.left.get(seriesUid)?.index ?? firstIndex(frames));
    if (this.progress.isComplete(seriesUid)) void this.fetchOthers();
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

  private ensureFrames(seriesUid: string): Promise<readonly Frame[]> {
    const known = this.fetching.get(seriesUid);
    if (known) return known;
    const fetching = this.fetchFrames(seriesUid);
    this.fetching.set(seriesUid, fetching);
    fetching.catch(() => {
      this.fetching.delete(seriesUid);
      setLoading(seriesUid, { state: "failed" });
    });
    return fetching;
  }

  private async fetchFrames(seriesUid: string): Promise<readonly Frame[]> {
    if (!useViewer.getState().frames[seriesUid]) setLoading(seriesUid, { state: "metadata" });
    const instances = await fetchSeriesMetadata(this.team, this.studyUid, seriesUid);
    const frames = framesOf(dicomwebRoot(this.team), instances);
    if (this.isOver) return frames;
    registerFrames(frames);
    this.progress.begin(seriesUid, frames.map((frame) => frame.imageId));
    useViewer.setState((state) => ({ frames: { ...state.frames, [seriesUid]: frames } }));
    this.queue.setLane(seriesUid, frames);
    return frames;
  }

  /** Takes in what has arrived of a series since it was fetched; the picture on screen stays. */
  async grow(seriesUid: string): Promise<void> {
    const before = useViewer.getState();
    const old = before.frames[seriesUid];
    if (!old) return;
    this.fetching.delete(seriesUid);
    const frames = await this.ensureFrames(seriesUid).catch(() => null);
    if (!frames || useViewer.getState().seriesUid !== seriesUid) return;
    const wanted = old[useViewer.getState().index]?.imageId;
    const place = frames.findIndex((frame) => frame.imageId === wanted);
    this.goTo(place >= 0 ? place : firstIndex(frames));
  }

  /** Brings the other series as far as memory goes, once the one that is looked at has come. */
  private async fetchOthers(): Promise<void> {
    if ((navigator as { connection?: { saveData?: boolean } }).connection?.saveData) return;
    const waiting = useViewer.getState().study?.series.filter((one) => one.is_displayable && !this.fetching.has(one.series_instance_uid));
    for (const series of waiting ?? []) {
      if (this.isOver) return;
      await this.ensureFrames(series.series_instance_uid).catch(() => null);
    }
  }

  goTo(index: number): void {
    const state = useViewer.getState();
    const frames = activeFrames(state);
    if (!state.seriesUid || !frames.length) return;
    const place = Math.max(0, Math.min(frames.length - 1, index));
    useViewer.setState({ index: place });
    this.queue.focus(state.seriesUid, place);
    this.paint();
  }

  /** Asks once more for what could not be loaded: the open series, or the frame that is looked at. */
  async tryAgain(): Promise<void> {
    const { seriesUid, index } = useViewer.getState();
    if (!seriesUid) return;
    if (!this.fetching.has(seriesUid)) return this.open(seriesUid);
    this.progress.forgotten(seriesUid, index);
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
    return this.queue.isLoaded(useViewer.getState().seriesUid ?? "", index);
  }

  setTool(tool: ToolName): void {
    useViewer.setState({ tool });
    choose(tool);
  }

  private isWanted(key: string, index: number): boolean {
    const state = useViewer.getState();
    return key === state.seriesUid && index === state.index;
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
    if (!view || !seriesUid || !this.queue.isLoaded(seriesUid, state.index)) return;
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
