/** Planes cut through a volume: where three of them meet, how they are turned, and how far each can be moved. */

import { phasesOf, stackOf, type Frame } from "./frames";
import { PLANES, type Plane } from "./layouts";
import { add, cross, dot, normalize, rotated, scale, subtract, type Vec3 } from "./vectors";

/** Where a volume's voxels lie in the patient (LPS, mm). */
export interface Grid {
  /** Columns, rows, slices. */
  dimensions: Vec3;
  spacing: Vec3;
  /** The middle of the first voxel. */
  origin: Vec3;
  /** Along a row, along a column, from slice to slice. */
  axes: readonly [Vec3, Vec3, Vec3];
}

/** How a plane is looked at: from where the normal points to, with this side up. */
export interface Facing {
  normal: Vec3;
  up: Vec3;
}

/** Three planes through one point, at right angles until somebody turns one. */
export interface Cut {
  center: Vec3;
  facings: Readonly<Record<Plane, Facing>>;
}

/** As radiologists look at the patient: from the feet, from the front, from the left (PS3.3 C.7.6.2.1.1 for the axes). */
const FACINGS: Cut["facings"] = {
  axial: { normal: [0, 0, -1], up: [0, -1, 0] },
  coronal: { normal: [0, -1, 0], up: [0, 0, 1] },
  sagittal: { normal: [1, 0, 0], up: [0, 0, 1] },
};

export const cutThrough = (grid: Grid): Cut => ({ center: middleOf(grid), facings: FACINGS });

export function middleOf({ origin, dimensions, spacing, axes }: Grid): Vec3 {
  return [0, 1, 2].reduce<Vec3>((sum, axis) => {
    const a = axis as 0 | 1 | 2;
    return add(sum, scale(axes[a], ((dimensions[a] - 1) * spacing[a]) / 2));
  }, origin);
}

/** How a plane can be moved: from the first place along its normal, by steps. */
export interface Travel {
  first: number;
  step: number;
  count: number;
}

/** Returns the way of a plane through the volume against its normal, so that axial slices run as scanners number them: upwards. */
export function travelOf(grid: Grid, { normal }: Facing): Travel {
  const along = scale(normal, -1);
  const ends = corners(grid).map((corner) => dot(corner, along));
  const step = [0, 1, 2].reduce((sum, axis) => {
    const a = axis as 0 | 1 | 2;
    return sum + (dot(along, grid.axes[a]) * grid.spacing[a]) ** 2;
  }, 0);
  const size = Math.max(0.05, Math.sqrt(step));
  const first = Math.min(...ends);
  return { first, step: size, count: Math.max(1, Math.round((Math.max(...ends) - first) / size) + 1) };
}

/** Returns the nearest point that lies within a volume: planes are not moved to where nothing is. */
export function nearestWithin({ origin, dimensions, spacing, axes }: Grid, point: Vec3): Vec3 {
  const from = subtract(point, origin);
  return ([0, 1, 2] as const).reduce<Vec3>((sum, axis) => {
    const along = Math.max(0, Math.min((dimensions[axis] - 1) * spacing[axis], dot(from, axes[axis])));
    return add(sum, scale(axes[axis], along));
  }, origin);
}

function corners({ origin, dimensions, spacing, axes }: Grid): Vec3[] {
  const ends = ([0, 1, 2] as const).map((axis) => scale(axes[axis], (dimensions[axis] - 1) * spacing[axis]));
  return Array.from({ length: 8 }, (_, corner) =>
    ends.reduce<Vec3>((point, end, axis) => (corner & (1 << axis) ? add(point, end) : point), origin));
}

/** Returns the step that a plane stands at, from 0. */
export function stepOf(travel: Travel, { normal }: Facing, center: Vec3): number {
  const place = Math.round((dot(center, scale(normal, -1)) - travel.first) / travel.step);
  return Math.max(0, Math.min(travel.count - 1, place));
}

/** Returns the cut moved so that a plane stands at a step. */
export function movedTo(cut: Cut, plane: Plane, travel: Travel, step: number): Cut {
  const along = scale(cut.facings[plane].normal, -1);
  const wanted = travel.first + Math.max(0, Math.min(travel.count - 1, step)) * travel.step;
  return { ...cut, center: add(cut.center, scale(along, wanted - dot(cut.center, along))) };
}

/** Returns the cut with a plane's two others turned about that plane's normal, by radians. */
export function turned(cut: Cut, about: Plane, angle: number): Cut {
  const axis = cut.facings[about].normal;
  const facings = Object.fromEntries(
    PLANES.map((plane) => {
      const { normal, up } = cut.facings[plane];
      const kept = plane === about ? cut.facings[plane] : { normal: rotated(normal, axis, angle), up: rotated(up, axis, angle) };
      return [plane, kept];
    }),
  ) as unknown as Cut["facings"];
  return { ...cut, facings };
}

/** Returns the line in which two planes meet, as a direction; null where they are parallel. */
export function meeting(a: Facing, b: Facing): Vec3 | null {
  const line = cross(a.normal, b.normal);
  return Math.hypot(...line) < 1e-4 ? null : normalize(line);
}

/** Why a series is no volume; "uneven": it is one, whose slices do not lie at equal distances. */
export type VolumeFit = "fits" | "uneven" | "colour" | "too_few" | "no_place" | "not_parallel";

/** Says whether a stack, in order along its normal, can be cut. Distances may differ by a tenth. */
export function fitOf(stack: readonly Frame[]): VolumeFit {
  if (stack.some((frame) => frame.isColour)) return "colour";
  if (stack.length < 3) return "too_few";
  const first = stack[0]?.orientation;
  if (!first || stack.some((frame) => !frame.position || !frame.orientation || !frame.pixelMm)) return "no_place";
  const normal = cross(first.row, first.column);
  const depths = stack.map((frame) => dot(normal, frame.position ?? [0, 0, 0]));
  const gaps = depths.slice(1).map((depth, place) => depth - (depths[place] ?? 0));
  const middle = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
  if (Math.abs(middle) < 1e-3) return "not_parallel";
  return gaps.every((gap) => Math.abs(gap - middle) <= Math.abs(middle) * 0.1) ? "fits" : "uneven";
}

/** Returns the grid of a stack that can be cut. */
export function gridOf(stack: readonly Frame[]): Grid | null {
  const [first, last] = [stack[0], stack.at(-1)];
  if (!first?.position || !first.orientation || !first.pixelMm || !last?.position) return null;
  const { row, column } = first.orientation;
  const normal = normalize(cross(row, column));
  const depth = dot(normal, subtract(last.position, first.position));
  return {
    dimensions: [first.columns, first.rows, stack.length],
    spacing: [first.pixelMm[1], first.pixelMm[0], Math.abs(depth) / Math.max(1, stack.length - 1) || 1],
    origin: first.position,
    axes: [row, column, depth < 0 ? scale(normal, -1) : normal],
  };
}

const volumeStacks = new WeakMap<readonly Frame[], (readonly Frame[])[]>();

/** Returns the frames of one phase that are a stack, in the order of its normal; the same array each time. */
export function volumeStack(frames: readonly Frame[], phase: number): readonly Frame[] {
  const phases = phasesOf(frames);
  const known = volumeStacks.get(frames) ?? [];
  const size = frames.length / phases;
  const stack = (known[phase] ??= phases === 1 ? stackOf(frames) : stackOf(frames.slice(phase * size, (phase + 1) * size)));
  volumeStacks.set(frames, known);
  return stack;
}
