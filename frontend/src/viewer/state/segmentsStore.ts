/** The segmentation that is open: its segments, the tools that change them, whether it is saved. Voxels lie in the session. */

import { create } from "zustand";

import type { SegmentContent } from "../segmentation/document";
import type { Range } from "../segmentation/edits";
import type { SegmentationRow } from "./shapes";

export const SEGMENT_TOOLS = ["brush", "erase", "push", "scissors", "rectangle", "circle", "grow", "island"] as const;
export type SegmentTool = (typeof SEGMENT_TOOLS)[number];

export interface SegmentState extends SegmentContent {
  number: number;
  /** On the site; 0: it is not there yet. */
  revision: number;
}

export interface SegmentsState {
  rows: Readonly<Record<string, SegmentationRow>>;
  openId: string | null;
  isOpening: boolean;
  segments: readonly SegmentState[];
  /** Rises whenever voxels change. */
  version: number;
  active: number;
  tool: SegmentTool | null;
  brushMm: number;
  isBall: boolean;
  /** Shapes and growing go through all slices. */
  isThrough: boolean;
  /** Scissors take away rather than add. */
  isCutting: boolean;
  /** What is painted belongs to no other segment. */
  isExclusive: boolean;
  /** Painting and growing keep to these values; null: any. */
  range: Range | null;
  isFilled: boolean;
  areHidden: boolean;
  status: "saved" | "saving" | "unsaved" | "local";
  /** What somebody else has changed as well: how many frames and segments. */
  conflict: { by: string; count: number } | null;
  /** What is being computed; "": nothing. */
  busy: string;
  trouble: string;
}

const EMPTY: SegmentsState = {
  rows: {}, openId: null, isOpening: false, segments: [], version: 0, active: 0, tool: null, brushMm: 6, isBall: false, isThrough: false, isCutting: false,
  isExclusive: false, range: null, isFilled: true, areHidden: false, status: "saved", conflict: null, busy: "", trouble: "",
};

export const useSegments = create<SegmentsState>()(() => EMPTY);

/** Forgets the study; how tools are set stays. */
export function resetSegments(): void {
  const { brushMm, isBall, isThrough, isExclusive, isFilled } = useSegments.getState();
  useSegments.setState({ ...EMPTY, brushMm, isBall, isThrough, isExclusive, isFilled });
}

export const closedSegmentation = (): Partial<SegmentsState> => ({ openId: null, segments: [], active: 0, tool: null, conflict: null, status: "saved", busy: "", trouble: "" });

export const activeSegment = ({ segments, active }: SegmentsState): SegmentState | undefined => segments.find(({ number }) => number === active);

/** The segmentations that there are, the oldest first. */
let listed: { of: unknown; rows: readonly SegmentationRow[] } = { of: null, rows: [] };

export function rowsOf({ rows }: SegmentsState): readonly SegmentationRow[] {
  if (listed.of !== rows) listed = { of: rows, rows: Object.values(rows).filter((row) => !row.is_deleted).sort((a, b) => (a.created_at < b.created_at ? -1 : 1)) };
  return listed.rows;
}
