/** Runs models on the open study and follows every analysis of it, whoever started it. */

import { frameKey, unpack, type Piece } from "../logic/pieces";
import {
  analysesOf,
  isOver,
  putAnalysis,
  putJob,
  putPieces,
  putVerdict,
  resetAnalyses,
  useAnalyses,
} from "./analysesStore";
import { cancelJob, detailOf, fetchAnalyses, fetchAnalysis, fetchModels, startAnalysis, wasAnswered, watchJob } from "./server";
import type { JobEvent, StudyEvent } from "./server";
import type { Model, SlicePredicted } from "./shapes";
import { useViewer } from "./viewerStore";

const PAINT_EVERY_MS = 40;

export class AnalysisSession {
  private readonly watched = new Map<string, () => void>();
  private readonly waiting = new Map<string, { count: number; pieces: Piece[] }>();
  private readonly begun = new Set<string>();
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
      if (state.seriesUid !== before.seriesUid) this.showNewest();
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
    useAnalyses.setState(({ choice }) => ({ models, choice: choice || defaultChoice(models) }));
    for (const analysis of analyses) {
      putAnalysis(analysis);
      if (!isOver(analysis.job)) this.watch(analysis.job.id);
    }
    this.showNewest();
  }

  private showNewest(): void {
    const { byJob } = useAnalyses.getState();
    const all = analysesOf(byJob, useViewer.getState().seriesUid);
    const best = all.find(({ analysis }) => ["running", "queued", "succeeded"].includes(analysis.job.state)) ?? all[0];
    this.show(best?.analysis.job.id ?? "");
  }

  /** Looks at an analysis: its pieces are fetched from the beginning of its log. */
  show(jobId: string): void {
    useAnalyses.setState({ shownJob: jobId });
    if (jobId) this.watch(jobId);
  }

  /** Starts a model on the open series. The same wish twice, also after a lost answer, is one job. */
  async run(model: string, version: number): Promise<void> {
    const { seriesUid } = useViewer.getState();
    if (!seriesUid) return;
    const key = `${seriesUid}/${model}/${version}`;
    if (this.starting.has(key)) return;
    this.starting.add(key);
    const id = this.unanswered.get(key) ?? makeUuid();
    this.unanswered.set(key, id);
    performance.mark(`run-click:${id}`);
    useAnalyses.setState({ startError: "" });
    try {
      putAnalysis(await startAnalysis(this.team, { id, series_instance_uid: seriesUid, model, version }));
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
      putAnalysis(analysis);
      if (!isOver(analysis.job)) this.watch(analysis.job.id);
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
  private turnTo(jobId: string, seriesUid: string): void {
    const { shownJob, byJob } = useAnalyses.getState();
    const shown = byJob[shownJob]?.analysis;
    const added = byJob[jobId]?.analysis;
    if (!added || seriesUid !== useViewer.getState().seriesUid || shownJob === jobId) return;
    const isNewer = !shown || added.job.created_at > shown.job.created_at;
    if (!shown || (isNewer && isOver(shown.job) && !isOver(added.job))) this.show(jobId);
  }

  private watch(jobId: string): void {
    if (this.watched.has(jobId)) return;
    this.watched.set(
      jobId,
      watchJob(jobId, (event) => {
        void this.takeOfJob(jobId, event);
      }),
    );
  }

  private async takeOfJob(jobId: string, event: JobEvent): Promise<void> {
    if (event.type === "job.changed") putJob(event.data);
    else if (event.type === "series.verdict") putVerdict(jobId, event.data);
    else if (event.type === "slice.predicted") this.takePiece(jobId, event.data.count, await toPiece(event.data, event.payload));
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

async function toPiece(data: SlicePredicted, payload: Uint8Array | null): Promise<Piece> {
  const { index, probability, frame } = data;
  const [rows = 0, columns = 0] = data.shape;
  const values = payload ? await unpack(payload, data.encoding).catch(() => null) : null;
  const [top = 0, left = 0, bottom = 0, right = 0] = data.region;
  const map = values?.length === rows * columns && rows > 0 ? { rows, columns, values, region: [top, left, bottom, right] as const, scale: data.scale } : null;
  return { index, sopInstanceUid: data.sop_instance_uid, frame, probability, map };
}

/** Returns the version in production that is the most recent, else the newest candidate. */
export function defaultChoice(models: readonly Model[]): string {
  const versions = models.flatMap((model) => model.versions.filter((version) => version.stage !== "archived"));
  const best = versions.find((version) => version.stage === "production") ?? versions[0];
  return best ? `${best.model}@${best.number}` : "";
}

/** `crypto.randomUUID` is there on secure origins only, and hospitals serve plain HTTP inside. */
function makeUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
