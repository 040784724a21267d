/** Marks as the site keeps them, what they say of themselves, and where they lie on a frame. */

import type { Frame } from "./frames";
import { add, cross, dot, length, normalize, scale, subtract, type Vec3 } from "./vectors";

/** Kinds that are drawn by a tool; a key image is drawn by nothing. */
export const DRAWN_KINDS = ["length", "bidirectional", "angle", "cobb", "ellipse", "rectangle", "circle", "freehand", "spline", "arrow", "text", "probe"] as const;
export type DrawnKind = (typeof DRAWN_KINDS)[number];

/** What was measured, in units that each name says; `unit` is that of the values. */
export interface Stats {
  length_mm?: number;
  width_mm?: number;
  length_px?: number;
  width_px?: number;
  area_mm2?: number;
  area_px?: number;
  angle_deg?: number;
  mean?: number;
  std?: number;
  min?: number;
  max?: number;
  value?: number;
  unit?: string;
}

export interface Code {
  value: string;
  scheme: string;
  meaning: string;
}

export interface MarkData {
  text?: string;
  label?: string;
  finding?: Code | null;
  color?: string;
  /** The plane in which it was drawn. */
  plane?: { normal: Vec3; up: Vec3 };
  isClosed?: boolean;
  stats?: Stats;
}

/** What the page knows of a mark while it is drawn and changed; the site adds who and when. */
export interface MarkContent {
  series_instance_uid: string;
  sop_instance_uid: string;
  frame_number: number | null;
  frame_of_reference_uid: string;
  kind: DrawnKind | "key" | "polyline";
  space: "patient" | "image";
  points: readonly Vec3[];
  data: MarkData;
  is_hidden: boolean;
  is_locked: boolean;
  source: "person" | "import" | "model" | "phantom";
  model: string;
  version: number | null;
}

const CONTENT: readonly (keyof MarkContent)[] = [
  "series_instance_uid", "sop_instance_uid", "frame_number", "frame_of_reference_uid", "kind", "space", "points", "data",
  "is_hidden", "is_locked", "source", "model", "version",
];

/** Returns of a row what somebody can change. */
export function contentOf(mark: MarkContent): MarkContent {
  return Object.fromEntries(CONTENT.map((name) => [name, mark[name]])) as unknown as MarkContent;
}

/** Tells whether two say the same; figures that are computed from the points do not count. */
export function isSameContent(a: MarkContent, b: MarkContent): boolean {
  const told = (mark: MarkContent): string => JSON.stringify({ ...contentOf(mark), points: mark.points.map(rounded), data: sorted({ ...mark.data, stats: undefined }) });
  return told(a) === told(b);
}

const rounded = (point: Vec3): number[] => point.map((one) => Math.round(one * 1000) / 1000);

const sorted = (data: MarkData): [string, unknown][] => Object.entries(data).filter(([, value]) => value !== undefined && value !== null && value !== "").sort(([a], [b]) => (a < b ? -1 : 1));

/** Frames that do not say where they lie in the patient are marked in their own pixels. */
export const spaceOf = (frame: Frame): MarkContent["space"] => (frame.position && frame.orientation ? "patient" : "image");

/** Returns points of an image's pixels where Cornerstone puts them: it gives such frames the origin and the axes of the page. */
export function pixelsToWorld(points: readonly Vec3[], frame: Frame): Vec3[] {
  const [rowMm, columnMm] = frame.pixelMm ?? [1, 1];
  return points.map(([column, row]) => [(column - 0.5) * columnMm, (row - 0.5) * rowMm, 0]);
}

/** The inverse of `pixelsToWorld`. */
export function worldToPixels(points: readonly Vec3[], frame: Frame): Vec3[] {
  const [rowMm, columnMm] = frame.pixelMm ?? [1, 1];
  return points.map(([x, y]) => [x / columnMm + 0.5, y / rowMm + 0.5, 0]);
}

/** Returns the frame of a stack in which a point lies, within half the distance of two slices; null where it lies between. */
export function frameAt(point: Vec3, frames: readonly Frame[], normal: Vec3): Frame | null {
  const first = frames[0];
  if (!first?.orientation || !first.position) return null;
  const own = normalize(cross(first.orientation.row, first.orientation.column));
  if (Math.abs(dot(own, normal)) < 0.999) return null;
  let best: Frame | null = null;
  let least = Infinity;
  for (const frame of frames) {
    const distance = frame.position ? Math.abs(dot(subtract(point, frame.position), own)) : Infinity;
    if (distance < least) [best, least] = [frame, distance];
  }
  return least <= (best?.sliceThickness ?? 1) / 2 + 1e-3 ? best : null;
}

/** Returns the main figures of a mark as text, the most important first; numbers as people here write them. */
export function figuresOf({ kind, data }: Pick<MarkContent, "kind" | "data">): string[] {
  const { stats = {} } = data;
  const shown: string[] = [];
  const say = (value: number | undefined, unit: string, digits = 1, before = ""): void => {
    if (value !== undefined && Number.isFinite(value)) shown.push(`${before}${value.toFixed(digits)}${unit && ` ${unit}`}`);
  };
  const unit = stats.unit ?? "";
  if (kind === "bidirectional") {
    const [long, short] = [stats.length_mm ?? stats.length_px, stats.width_mm ?? stats.width_px];
    if (long !== undefined && short !== undefined) shown.push(`${long.toFixed(1)} × ${short.toFixed(1)} ${stats.length_mm === undefined ? "px" : "mm"}`);
  } else {
    say(stats.length_mm, "mm");
    say(stats.length_px, "px");
  }
  say(stats.angle_deg, "°");
  say(stats.area_mm2, "mm²", (stats.area_mm2 ?? 0) >= 100 ? 0 : 1);
  say(stats.area_px, "px²", 0);
  say(stats.value, unit, Number.isInteger(stats.value ?? 0.5) ? 0 : 2);
  if (stats.mean !== undefined) {
    say(stats.mean, stats.std === undefined ? unit : "", 1, "⌀ ");
    if (stats.std !== undefined) shown.push(`${shown.pop() ?? ""} ± ${stats.std.toFixed(1)}${unit && ` ${unit}`}`);
  }
  if (stats.min !== undefined && stats.max !== undefined) shown.push(`${stats.min.toFixed(Number.isInteger(stats.min) ? 0 : 1)} … ${stats.max.toFixed(Number.isInteger(stats.max) ? 0 : 1)}`);
  return shown;
}

/** Returns the middle of a mark's points. */
export function middleOfMark({ points }: Pick<MarkContent, "points">): Vec3 | null {
  if (!points.length) return null;
  return scale(points.reduce<Vec3>(add, [0, 0, 0]), 1 / points.length);
}

/** Returns points along the outline of a rectangle from the corners as they are dragged (row by row), or back. */
export function turnedCorners<Point>(points: readonly Point[]): Point[] {
  const [a, b, c, d] = points;
  return a !== undefined && b !== undefined && c !== undefined && d !== undefined ? [a, b, d, c] : [...points];
}

export const distance = (a: Vec3, b: Vec3): number => length(subtract(a, b));
