/** The analyses of the open study and what their models have said so far. Plain values only. */

import { create } from "zustand";

import type { MaskVolume } from "../logic/maskVolume";
import { boxesOf, NO_PIECES, sorted, withPieces, type Box, type Piece, type Pieces } from "../logic/pieces";
import type { Analysis, Job, Model, ModelVersion, SeriesVerdict } from "./shapes";

export interface AnalysisView {
  analysis: Analysis;
  pieces: Pieces;
  verdict: SeriesVerdict | null;
  /** The mask as it is kept, once it has been fetched. */
  mask: MaskVolume | null;
}

export interface AnalysesState {
  byJob: Readonly<Record<string, AnalysisView>>;
  /** null: not known yet. */
  models: readonly Model[] | null;
  /** "": none is looked at. */
  shownJob: string;
  /** The model that somebody has chosen to run, as `name@number`; "": none. */
  choice: string;
  /** "": the network as it was trained. */
  precision: "" | "fp16" | "int8";
  startError: string;
}

const EMPTY: AnalysesState = {
  byJob: {},
  models: null,
  shownJob: "",
  choice: "",
  precision: "",
  startError: "",
};

export const useAnalyses = create<AnalysesState>()(() => EMPTY);

export function resetAnalyses(): void {
  useAnalyses.setState(EMPTY);
}

/** Takes an analysis as the server tells it; what is older than known changes nothing. */
export function putAnalysis(analysis: Analysis): void {
  useAnalyses.setState(({ byJob }) => {
    const known = byJob[analysis.job.id];
    const job = known && known.analysis.job.revision > analysis.job.revision ? known.analysis.job : analysis.job;
    const result = analysis.result ?? known?.analysis.result ?? null;
    const view: AnalysisView = { pieces: NO_PIECES, verdict: null, mask: null, ...known, analysis: { ...analysis, job, result } };
    return { byJob: { ...byJob, [job.id]: withResult(view) } };
  });
}

/** Takes a job's state; a job that is not known is left to the list. Returns whether it is known. */
export function putJob(job: Job): boolean {
  const known = useAnalyses.getState().byJob[job.id];
  if (!known) return false;
  if (job.revision >= known.analysis.job.revision) change(job.id, { analysis: { ...known.analysis, job } });
  return true;
}

export function putPieces(jobId: string, count: number, added: readonly Piece[]): void {
  const known = useAnalyses.getState().byJob[jobId];
  const pieces = known && withPieces(known.pieces, count, added);
  if (known && pieces !== known.pieces) change(jobId, { pieces });
}

export function putVerdict(jobId: string, verdict: SeriesVerdict): void {
  if (useAnalyses.getState().byJob[jobId]) change(jobId, { verdict });
}

export function putMask(jobId: string, mask: MaskVolume): void {
  change(jobId, { mask });
}

function change(jobId: string, changed: Partial<AnalysisView>): void {
  useAnalyses.setState(({ byJob }) => {
    const known = byJob[jobId];
    return known ? { byJob: { ...byJob, [jobId]: { ...known, ...changed } } } : {};
  });
}

/** A finished analysis brings probabilities and boxes with it, long after its stream has gone; only the maps are missing then. */
function withResult(view: AnalysisView): AnalysisView {
  const { result } = view.analysis;
  if (!result) return view;
  const slices = result.slices.map((slice, index) => ({
    index,
    sopInstanceUid: slice.sop_instance_uid,
    frame: slice.frame,
    probability: slice.probability,
    probabilities: [],
    boxes: [],
    packed: null,
  }));
  return { ...view, pieces: withPieces(view.pieces, slices.length, slices) };
}

const NEWEST_FIRST = (a: AnalysisView, b: AnalysisView): number =>
  a.analysis.job.created_at < b.analysis.job.created_at ? 1 : -1;

export function analysesOf(byJob: AnalysesState["byJob"], seriesUid: string | null): AnalysisView[] {
  return Object.values(byJob)
    .filter(({ analysis }) => analysis.series_instance_uid === seriesUid)
    .sort(NEWEST_FIRST);
}

export const isOver = (job: Job): boolean => !["queued", "running"].includes(job.state);

export const versionOf = ({ model, version }: Analysis, models: readonly Model[] | null): ModelVersion | undefined =>
  models?.find((one) => one.name === model)?.versions.find((one) => one.number === version);

/** The boxes of an answer, the best first: those that are kept, else those that have come so far. */
export function foundBoxes({ analysis, pieces }: AnalysisView): readonly Box[] {
  if (!analysis.result) return boxesOf(pieces);
  const known = keptBoxes.get(analysis.result) ?? sorted(analysis.result.boxes);
  keptBoxes.set(analysis.result, known);
  return known;
}
const keptBoxes = new WeakMap<NonNullable<Analysis["result"]>, readonly Box[]>();

export interface Segment {
  number: number;
  label: string;
  /** How many voxels are of it; null until the run is over. */
  voxels: number | null;
}

/** The segments that a model tells apart, in the order of their numbers. */
export function segmentsOf({ analysis }: AnalysisView, models: readonly Model[] | null): Segment[] {
  const kept = analysis.result?.mask?.segments;
  if (kept) return kept.map(({ value, label, voxels }) => ({ number: value, label, voxels }));
  return (versionOf(analysis, models)?.classes ?? []).map((label, place) => ({ number: place + 1, label, voxels: null }));
}

/** What the analysis says of the series: from its stream, or from its kept result. */
export function verdictOf(view: AnalysisView): SeriesVerdict | null {
  if (view.verdict) return view.verdict;
  const { result, job, model, version } = view.analysis;
  if (!result?.verdict) return null;
  const told = job.result?.seconds;
  const seconds = typeof told === "number" ? told : 0;
  return { ...result.verdict, provider: result.provider ?? "", model, version, precision: view.analysis.precision, seconds };
}
