/** What the viewer shows: the study, its series and how far they have come, and how the picture stands. Plain values only. */

import { create } from "zustand";

import type { Probe, ViewState } from "../cornerstone/stackView";
import type { ToolName } from "../cornerstone/tools";
import type { Frame } from "../logic/frames";
import { begin, type History } from "../logic/history";
import type { Measurements } from "../logic/measurements";
import type { StudyDetail } from "./shapes";

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

export interface ViewerState {
  team: string;
  study: StudyDetail | null;
  trouble: Trouble | null;
  loading: Readonly<Record<string, SeriesLoading>>;
  frames: Readonly<Record<string, readonly Frame[]>>;
  seriesUid: string | null;
  /** The frame that is wanted; `shownImageId` is the one on screen. */
  index: number;
  shownImageId: string | null;
  shownSeriesUid: string | null;
  view: ViewState | null;
  probe: Probe | null;
  tool: ToolName;
  cine: Cine;
  measurements: History<Measurements>;
  hasOverlays: boolean;
  isHelpOpen: boolean;
  drawer: "none" | "series" | "results";
  newestSeries: string | null;
}

const EMPTY: Omit<ViewerState, "team"> = {
  study: null,
  trouble: null,
  loading: {},
  frames: {},
  seriesUid: null,
  index: 0,
  shownImageId: null,
  shownSeriesUid: null,
  view: null,
  probe: null,
  tool: "scroll",
  cine: { isPlaying: false, framesPerSecond: 15 },
  measurements: begin<Measurements>([]),
  hasOverlays: true,
  isHelpOpen: false,
  drawer: "none",
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

const NO_FRAMES: readonly Frame[] = [];

/** The stack that is open. */
export const activeFrames = (state: ViewerState): readonly Frame[] =>
  state.seriesUid ? (state.frames[state.seriesUid] ?? NO_FRAMES) : NO_FRAMES;

/** The frame on screen; before the first it is the one that is wanted. */
export function shownFrame(state: ViewerState): Frame | undefined {
  const frames = activeFrames(state);
  const wanted = frames[state.index];
  if (wanted?.imageId === state.shownImageId || !state.shownImageId) return wanted;
  return frames.find((frame) => frame.imageId === state.shownImageId) ?? wanted;
}

export const activeSeries = (state: ViewerState) =>
  state.study?.series.find((series) => series.series_instance_uid === state.seriesUid);
