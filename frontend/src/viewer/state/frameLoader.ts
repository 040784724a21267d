/** Brings the open study's frames into memory: what a series consists of, its pixels in order of need, then the other series. */

import { cornerstoneComes, cornerstoneHere } from "../cornerstone/comes";
import { framesOf, type Frame } from "../logic/frames";
import { LoadQueue, type Focus } from "../logic/loadQueue";
import { memoryBudget } from "../logic/memoryBudget";
import { Progress } from "./progress";
import { dicomwebRoot, fetchSeriesMetadata } from "./server";
import { seriesOf, setLoading, useViewer } from "./viewerStore";

const PARALLEL_REQUESTS = 6;

export class FrameLoader {
  private readonly queue: LoadQueue;
  private readonly progress = new Progress();
  private readonly fetching = new Map<string, Promise<readonly Frame[]>>();
  private stopListening: () => void = () => undefined;
  private isOver = false;

  constructor(
    private readonly team: string,
    onSettled: (seriesUid: string, index: number) => void,
  ) {
    this.queue = new LoadQueue(
      {
        load: async (item) => {
          const cornerstone = await cornerstoneComes();
          const image = await cornerstone.loadFrame(item.imageId);
          if (this.isOver) return;
          cornerstone.keepFrame(image);
          cornerstone.grow(item.imageId);
        },
        onSettled: (seriesUid, index, ok) => {
          this.progress.settled(seriesUid, index, ok);
          onSettled(seriesUid, index);
        },
        onComplete: (seriesUid) => {
          performance.mark(`series-complete:${seriesUid}`);
          if (useViewer.getState().panes.some((pane) => pane.seriesUid === seriesUid)) void this.fetchOthers();
        },
      },
      { parallel: PARALLEL_REQUESTS, bytes: memoryBudget() },
    );
    void cornerstoneComes().then(({ onForgotten }) => { if (!this.isOver) this.stopListening = onForgotten(this.forgotten); }).catch(() => undefined);
  }

  private readonly forgotten = (imageId: string): void => {
    const place = this.queue.forget(imageId);
    if (place) this.progress.forgotten(place.key, place.index);
  };

  destroy(): void {
    this.isOver = true;
    this.stopListening();
    this.queue.stop();
    this.progress.stop();
    cornerstoneHere()?.forgetVolumes();
    cornerstoneHere()?.forgetFrames();
  }

  pause(): void {
    this.queue.pause();
  }

  resume(): void {
    this.queue.resume();
  }

  /** Tells whether a series is known, or on its way. */
  has(seriesUid: string): boolean {
    return this.fetching.has(seriesUid);
  }

  isLoaded(seriesUid: string, index: number): boolean {
    return this.queue.isLoaded(seriesUid, index);
  }

  /** Says what is looked at, what matters most first; a frame that had failed is asked for again. */
  focus(foci: readonly Focus[]): void {
    this.queue.focus(foci);
  }

  /** Forgets that a frame has failed. */
  forgive(seriesUid: string, index: number): void {
    this.progress.forgotten(seriesUid, index);
  }

  /** Returns a series' frames, asked for once; null where they cannot be had. */
  async frames(seriesUid: string): Promise<readonly Frame[] | null> {
    const fetching = this.fetching.get(seriesUid) ?? this.fetch(seriesUid);
    this.fetching.set(seriesUid, fetching);
    try {
      return await fetching;
    } catch {
      if (this.fetching.get(seriesUid) === fetching) this.fetching.delete(seriesUid);
      if (!this.isOver && !useViewer.getState().frames[seriesUid]) setLoading(seriesUid, { state: "failed" });
      return null;
    }
  }

  /** Returns a series' frames as they are now. */
  async framesAfresh(seriesUid: string): Promise<readonly Frame[] | null> {
    this.fetching.delete(seriesUid);
    return this.frames(seriesUid);
  }

  private async fetch(seriesUid: string): Promise<readonly Frame[]> {
    if (!useViewer.getState().frames[seriesUid]) setLoading(seriesUid, { state: "metadata" });
    const instances = await fetchSeriesMetadata(this.team, seriesUid, seriesOf(useViewer.getState(), seriesUid)?.revision ?? 0);
    const frames = framesOf(dicomwebRoot(this.team), instances);
    const { registerFrames } = await cornerstoneComes();
    if (this.isOver) return frames;
    registerFrames(frames);
    this.progress.begin(seriesUid, frames.map((frame) => frame.imageId));
    useViewer.setState((state) => ({ frames: { ...state.frames, [seriesUid]: frames } }));
    this.queue.setLane(seriesUid, frames);
    return frames;
  }

  /** Goes on to the other series where this one has come already. */
  goOnFrom(seriesUid: string): void {
    if (this.progress.isComplete(seriesUid)) void this.fetchOthers();
  }

  /** Brings the study's other series as far as memory goes, once those that are looked at have come. */
  private async fetchOthers(): Promise<void> {
    const { panes } = useViewer.getState();
    if (panes.some(({ seriesUid }) => seriesUid !== null && !this.progress.isComplete(seriesUid))) return;
    if ((navigator as { connection?: { saveData?: boolean } }).connection?.saveData) return;
    const waiting = useViewer.getState().study?.series.filter((one) => one.is_displayable && !this.has(one.series_instance_uid));
    for (const series of waiting ?? []) {
      if (this.isOver) return;
      await this.frames(series.series_instance_uid);
    }
  }
}
