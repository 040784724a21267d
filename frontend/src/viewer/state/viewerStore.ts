/** What the viewer shows: the studies, their series and how far they have come, and the panes that show them. Plain values only. */

import { create } from "zustand";

import type { Probe, ViewState } from "../cornerstone/view";
import type { ToolName } from "../cornerstone/tools";
import type { Cut } from "../logic/cuts";
import { phasesOf, type Frame } from "../logic/frames";
import { NO_LINKS, NO_PROJECTION, type Links, type PaneKind, type Plane, type Projection } from "../logic/layouts";
import type { SeriesRow, StudyDetail } from "./shapes";

export const PANELS = ["results", "segments"] as const;
export type Panel = (typeof PANELS)[number];

export type Trouble = "not_found" | "no_access" | "failed";

/** How far a series has come into the browser. */
export interface SeriesLoading {
  state: "waiting" | "metadata" | "frames" | "failed";
  loaded: number;
  failed: number;
  total: number;
  /** One byte for each frame of the stack: 1 loaded, 2 failed. */
  mask: Uint8Array;
}

interface Cine {
  isPlaying: boolean;
  framesPerSecond: number;
}

/** A second series over the first. */
export interface Fusion {
  seriesUid: string;
  colormap: string;
  opacity: number;
}

/** What somebody has chosen for a pane. */
export interface PaneContent {
  kind: PaneKind;
  plane: Plane;
  projection: Projection;
  fusion: Fusion | null;
  /** Of a lit volume: the name of its colours; "": what fits the modality. */
  preset: string;
  colormap: string;
  seriesUid: string | null;
}

export interface PaneState extends PaneContent {
  /** The frame that is wanted, or the step of a plane; `shownImageId` is the one on screen. */
  index: number;
  /** Of a plane: how many steps it can be moved by. */
  count: number;
  /** Of a series that was taken several times at each place: which time. */
  phase: number;
  shownImageId: string | null;
  shownSeriesUid: string | null;
  view: ViewState | null;
  probe: Probe | null;
  cine: Cine;
  /** Why the series cannot be shown in this way; "": it can. */
  obstacle: string;
}

export interface ViewerState {
  team: string;
  study: StudyDetail | null;
  /** Earlier and later studies of the patient whose series may be shown beside, by UID. */
  others: Readonly<Record<string, StudyDetail>>;
  trouble: Trouble | null;
  loading: Readonly<Record<string, SeriesLoading>>;
  frames: Readonly<Record<string, readonly Frame[]>>;
  rows: number;
  columns: number;
  /** In the order of reading. */
  panes: readonly PaneState[];
  active: number;
  /** Shows the active pane alone, for a moment. */
  isMaximized: boolean;
  links: Links;
  hasReferenceLines: boolean;
  hasCrosshairs: boolean;
  /** Where planes cut, by frame of reference: planes of one patient in one position move together. */
  cuts: Readonly<Record<string, Cut>>;
  tool: ToolName;
  canUndo: boolean;
  canRedo: boolean;
  hasOverlays: boolean;
  isHelpOpen: boolean;
  areTagsOpen: boolean;
  drawer: "none" | "series" | "results";
  /** Beside the picture. */
  panel: Panel;
  newestSeries: string | null;
}

export const EMPTY_PANE: PaneState = {
  kind: "stack",
  plane: "axial",
  projection: NO_PROJECTION,
  fusion: null,
  preset: "",
  colormap: "",
  seriesUid: null,
  index: 0,
  count: 0,
  phase: 0,
  shownImageId: null,
  shownSeriesUid: null,
  view: null,
  probe: null,
  cine: { isPlaying: false, framesPerSecond: 15 },
  obstacle: "",
};

const EMPTY: Omit<ViewerState, "team"> = {
  study: null,
  others: {},
  trouble: null,
  loading: {},
  frames: {},
  rows: 1,
  columns: 1,
  panes: [EMPTY_PANE],
  active: 0,
  isMaximized: false,
  links: NO_LINKS,
  hasReferenceLines: false,
  hasCrosshairs: true,
  cuts: {},
  tool: "scroll",
  canUndo: false,
  canRedo: false,
  hasOverlays: true,
  isHelpOpen: false,
  areTagsOpen: false,
  drawer: "none",
  panel: "results",
  newestSeries: null,
};

export const useViewer = create<ViewerState>()(() => ({ team: "", ...EMPTY }));

export function openStudy(team: string): void {
  useViewer.setState({ team, ...EMPTY });
}

export const NOT_LOADING: SeriesLoading = { state: "waiting", loaded: 0, failed: 0, total: 0, mask: new Uint8Array() };

export function setLoading(uid: string, change: Partial<SeriesLoading>): void {
  useViewer.setState(({ loading }) => ({ loading: { ...loading, [uid]: { ...NOT_LOADING, ...loading[uid], ...change } } }));
}

export function setPane(place: number, change: Partial<PaneState>): void {
  useViewer.setState(({ panes }) => ({ panes: panes.map((pane, at) => (at === place ? { ...pane, ...change } : pane)) }));
}

export const paneAt = (state: ViewerState, place: number): PaneState => state.panes[place] ?? EMPTY_PANE;

export const activePane = (state: ViewerState): PaneState => paneAt(state, state.active);

/** The series in the active pane. */
export const activeSeriesUid = (state: ViewerState): string | null => activePane(state).seriesUid;

const NO_FRAMES: readonly Frame[] = [];

export const framesOfPane = (state: ViewerState, pane: PaneState): readonly Frame[] =>
  pane.seriesUid ? (state.frames[pane.seriesUid] ?? NO_FRAMES) : NO_FRAMES;

/** The stack in the active pane. */
export const activeFrames = (state: ViewerState): readonly Frame[] => framesOfPane(state, activePane(state));

/** The frame on screen; before the first it is the one that is wanted. Of a plane: none of them, so the first stands for all. */
export function shownFrameOf(state: ViewerState, pane: PaneState): Frame | undefined {
  const frames = framesOfPane(state, pane);
  if (pane.kind !== "stack") return frames[0];
  const wanted = frames[pane.index];
  if (wanted?.imageId === pane.shownImageId || !pane.shownImageId) return wanted;
  return frames.find((frame) => frame.imageId === pane.shownImageId) ?? wanted;
}

/** Where a pane stands on its way: steps of a plane, frames of a stack within its phase. */
export function placeOfPane(state: ViewerState, pane: PaneState): { index: number; count: number; phases: number } {
  const frames = framesOfPane(state, pane);
  const phases = phasesOf(frames);
  if (pane.kind !== "stack") return { index: pane.index, count: pane.count, phases };
  const count = frames.length / phases;
  return { index: pane.index - pane.phase * count, count, phases };
}

/** The study that a series is of. */
export function studyOf({ study, others }: ViewerState, seriesUid: string | null): StudyDetail | null {
  const has = (one: StudyDetail): boolean => one.series.some((series) => series.series_instance_uid === seriesUid);
  if (!study || !seriesUid || has(study)) return study;
  return Object.values(others).find(has) ?? study;
}

export const seriesOf = (state: ViewerState, uid: string | null): SeriesRow | undefined =>
  studyOf(state, uid)?.series.find((series) => series.series_instance_uid === uid);

export const activeSeries = (state: ViewerState): SeriesRow | undefined => seriesOf(state, activeSeriesUid(state));
