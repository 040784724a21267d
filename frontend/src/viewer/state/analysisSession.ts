/** Runs models on the open study and follows every analysis of it, whoever started it. */

import { frameKey, type Piece } from "../logic/pieces";
import { makeUuid } from "../logic/uuid";
import {
  analysesOf,
  isOver,
  putAnalysis,
  putJob,
  putMask,
  putPieces,
  putVerdict,
  resetAnalyses,
  useAnalyses,
} from "./analysesStore";
import { resetDisplay } from "./displayStore";
import {
  cancelJob, detailOf, fetchAnalyses, fetchAnalysis, fetchMask, fetchModels, startAnalysis, wasAnswered, watchJob,
} from "./server";
import type { JobEvent, StudyEvent } from "./server";
import type { Analysis, Model, NewAnalysis, SlicePredicted } from "./shapes";
import { activeSeriesUid, useViewer } from "./viewerStore";

const PAINT_EVERY_MS = 40;

export type Precision = "" | NonNullable<NewAnalysis["precision"]>;

export class AnalysisSession {
  private readonly watched = new Map<string, () => void>();
  private readonly waiting = new Map<string, { count: number; pieces: Piece[] }>();
  private readonly begun = new Set<string>();
  private readonly masks = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly starting = new Set<string>();
  private readonly unanswered = new Map<string, string>();
  private isEnded = false;
  private readonly stopFollowing: () => void;

  constructor(
    private readonly team: string,
    private readonly studyUid: string,
  ) {
    resetAnalyses();
    this.stopFollowing = useViewer.subscribe((state, before) => {
      if (activeSeriesUid(state) !== activeSeriesUid(before)) this.showNewest();
    });
  }

  destroy(): void {
    this.isEnded = true;
    clearTimeout(this.timer);
    this.stopFollowing();
    for (const stop of this.watched.values()) stop();
    this.watched.clear();
  }

  /** Fetches the models and the analyses of the study. */
  async load(): Promise<void> {
    const [models, analyses] = await Promise.all([
      fetchModels(this.team).catch(() => [] as Model[]),
      fetchAnalyses(this.team, this.studyUid).catch(() => []),
    ]);
    if (this.isEnded) return;
    useAnalyses.setState({ models });
    for (const analysis of analyses) this.put(analysis);
    this.showNewest();
  }

  private showNewest(): void {
    const { byJob } = useAnalyses.getState();
    const all = analysesOf(byJob, activeSeriesUid(useViewer.getState()));
    const best = all.find(({ analysis }) => ["running", "queued", "succeeded"].includes(analysis.job.state)) ?? all[0];
    this.show(best?.analysis.job.id ?? "");
  }

  private put(analysis: Analysis): void {
    putAnalysis(analysis);
    if (!isOver(analysis.job)) this.watch(analysis.job.id);
    if (analysis.job.id === useAnalyses.getState().shownJob) void this.fetchMask(analysis.job.id);
  }

  /** Looks at an analysis: what is not kept of it is fetched from the beginning of its log. */
  show(jobId: string): void {
    const { shownJob, byJob } = useAnalyses.getState();
    if (shownJob !== jobId) resetDisplay();
    useAnalyses.setState({ shownJob: jobId });
    const shown = byJob[jobId];
    if (!shown) return;
    if (needsStream(shown.analysis)) this.watch(jobId);
    void this.fetchMask(jobId);
  }

  /** Fetches the mask that was kept: of a volume it is the truth, pieces are what was known on the way. */
  private async fetchMask(jobId: string): Promise<void> {
    const result = useAnalyses.getState().byJob[jobId]?.analysis.result;
    if (!result?.mask || !result.id || this.masks.has(jobId)) return;
    this.masks.add(jobId);
    try {
      const mask = await fetchMask(this.team, result.id, result.mask);
      if (!this.isEnded) putMask(jobId, mask);
    } catch {
      this.masks.delete(jobId);
      // What was told on the way is better than nothing.
      if (!this.isEnded) this.watch(jobId);
    }
  }

  /** Starts a model on the open series. The same wish twice, also after a lost answer, is one job. */
  async run(model: string, version: number, precision: Precision = ""): Promise<void> {
    const seriesUid = activeSeriesUid(useViewer.getState());
    if (!seriesUid) return;
    const key = `${seriesUid}/${model}/${version}/${precision}`;
    if (this.starting.has(key)) return;
    this.starting.add(key);
    const id = this.unanswered.get(key) ?? makeUuid();
    this.unanswered.set(key, id);
    performance.mark(`run-click:${id}`);
    useAnalyses.setState({ startError: "" });
    try {
      const wanted = { id, series_instance_uid: seriesUid, model, version, ...(precision && { precision }) };
      putAnalysis(await startAnalysis(this.team, wanted));
      this.unanswered.delete(key);
      this.show(id);
    } catch (error) {
      if (wasAnswered(error)) this.unanswered.delete(key);
      useAnalyses.setState({ startError: detailOf(error) });
    } finally {
      this.starting.delete(key);
    }
  }

  async cancel(jobId: string): Promise<void> {
    // A job that has ended meanwhile refuses; its own event says how it ended.
    await cancelJob(this.team, jobId).then(putJob, () => undefined);
  }

  /** Takes an event of the study. */
  take(event: StudyEvent): void {
    if (event.type === "analysis.changed") {
      const { analysis } = event.data;
      this.put(analysis);
      this.turnTo(analysis.job.id, analysis.series_instance_uid);
    } else if (event.type === "job.changed" && !putJob(event.data) && event.data.kind === "analysis") {
      void this.fetchOne(event.data.id);
    }
  }

  private async fetchOne(jobId: string): Promise<void> {
    const analysis = await fetchAnalysis(this.team, jobId).catch(() => null);
    if (!analysis || this.isEnded) return;
    this.take({ type: "analysis.changed", data: { analysis } });
  }

  /** Somebody's new analysis of the open series is looked at, unless one is still running here. */
  private turnTo(jobId: string, seriesUid: string | null | undefined): void {
    const { shownJob, byJob } = useAnalyses.getState();
    const shown = byJob[shownJob]?.analysis;
    const added = byJob[jobId]?.analysis;
    if (!added || seriesUid !== activeSeriesUid(useViewer.getState()) || shownJob === jobId) return;
    const isNewer = !shown || added.job.created_at > shown.job.created_at;
    if (!shown || (isNewer && isOver(shown.job) && !isOver(added.job))) this.show(jobId);
  }

  private watch(jobId: string): void {
    if (this.watched.has(jobId)) return;
    this.watched.set(
      jobId,
      watchJob(jobId, (event) => {
        this.takeOfJob(jobId, event);
      }),
    );
  }

  private takeOfJob(jobId: string, event: JobEvent): void {
    if (event.type === "job.changed") putJob(event.data);
    else if (event.type === "series.verdict") putVerdict(jobId, event.data);
    else if (event.type === "slice.predicted") this.takePiece(jobId, event.data.count, toPiece(event.data, event.payload));
  }

  /** Collects pieces for a moment: a stream that is replayed brings hundreds at once. The first one is painted at once. */
  private takePiece(jobId: string, count: number, piece: Piece): void {
    if (!this.begun.has(jobId)) {
      this.begun.add(jobId);
      putPieces(jobId, count, [piece]);
      performance.mark(`first-piece:${jobId}`, { detail: { frame: frameKey(piece.sopInstanceUid, piece.frame) } });
      return;
    }
    const waiting = this.waiting.get(jobId) ?? { count, pieces: [] };
    waiting.pieces.push(piece);
    this.waiting.set(jobId, waiting);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      for (const [id, { count: total, pieces }] of this.waiting) putPieces(id, total, pieces);
      this.waiting.clear();
    }, PAINT_EVERY_MS);
  }
}

/** Of a mask, of boxes and of made images all is kept that the stream has told; maps and reconstructions are in the stream alone. */
const needsStream = ({ job, result, task }: Analysis): boolean =>
  !isOver(job) || !(task === "generation" || result?.mask || (task === "detection" && result));

function toPiece(data: SlicePredicted, payload: Uint8Array | null): Piece {
  const { index, probability, probabilities = [], frame, boxes = [], layers = [], encoding } = data;
  const packed = { payload: payload ?? new Uint8Array(), encoding, layers };
  return { index, sopInstanceUid: data.sop_instance_uid, frame, probability, probabilities, boxes, packed };
}

/** Returns the version in production that is the most recent, else the newest candidate. */
export function defaultChoice(models: readonly Model[]): string {
  const versions = models.flatMap((model) => model.versions.filter((version) => version.stage !== "archived"));
  const best = versions.find((version) => version.stage === "production") ?? versions[0];
  return best ? `${best.model}@${best.number}` : "";
}
