/** What a tool covers: discs and balls along a stroke, shapes cut out, in the frames or in any plane through them. */

import { dot, subtract, type Vec3 } from "../logic/vectors";
import { toPatient, toVoxel, type Space } from "./space";

/** Voxels, by place of their frame in the space: pixels in row-major order. */
export type Covered = Map<number, Set<number>>;

export interface Brush {
  radiusMm: number;
  /** A ball, over the slices beside as well; else a disc in the plane. */
  isBall: boolean;
}

/** Adds what a brush covers at a point of the patient, held against a plane of this normal. */
export function addStamp(covered: Covered, space: Space, center: Vec3, normal: Vec3, { radiusMm, isBall }: Brush): void {
  const { spacing, axes, rows, columns, frames } = space;
  const at = toVoxel(space, center);
  // A disc is as thick as the voxels are in the direction of the plane's normal.
  const half = ([0, 1, 2] as const).reduce<number>((sum, axis) => sum + Math.abs(dot(axes[axis], normal)) * spacing[axis], 0) / 2 + 1e-6;
  const reach = (axis: 0 | 1 | 2): number => {
    const along = Math.abs(dot(axes[axis], normal));
    const inPlane = isBall ? radiusMm : radiusMm * Math.sqrt(Math.max(0, 1 - along * along)) + half * along;
    return inPlane / spacing[axis];
  };
  const range = (axis: 0 | 1 | 2, count: number): [number, number] => [Math.max(0, Math.ceil(at[axis] - reach(axis) - 0.5)), Math.min(count - 1, Math.floor(at[axis] + reach(axis) + 0.5))];
  const [[left, right], [top, bottom], [first, last]] = [range(0, columns), range(1, rows), range(2, frames.length)];
  const limit = radiusMm * radiusMm;
  for (let slice = first; slice <= last; slice += 1) {
    const pixels = covered.get(slice) ?? new Set<number>();
    const before = pixels.size;
    for (let row = top; row <= bottom; row += 1) {
      for (let column = left; column <= right; column += 1) {
        const from = subtract(toPatient(space, [column, row, slice]), center);
        const depth = dot(from, normal);
        const squared = dot(from, from);
        const isIn = isBall ? squared <= limit : Math.abs(depth) <= half && squared - depth * depth <= limit;
        if (isIn) pixels.add(row * columns + column);
      }
    }
    if (pixels.size > before) covered.set(slice, pixels);
  }
  // A brush smaller than a voxel paints the one that it is in.
  const [column, row, slice] = at.map(Math.round) as [number, number, number];
  if (column >= 0 && row >= 0 && slice >= 0 && column < columns && row < rows && slice < frames.length) {
    covered.set(slice, (covered.get(slice) ?? new Set<number>()).add(row * columns + column));
  }
}

/** Adds what a brush covers on its way. */
export function addStroke(covered: Covered, space: Space, from: Vec3, to: Vec3, normal: Vec3, brush: Brush): void {
  const way = subtract(to, from);
  const steps = Math.max(1, Math.ceil(Math.hypot(...way) / Math.max(brush.radiusMm / 2, 0.2)));
  for (let step = 1; step <= steps; step += 1) {
    const part = step / steps;
    addStamp(covered, space, [from[0] + way[0] * part, from[1] + way[1] * part, from[2] + way[2] * part], normal, brush);
  }
}

/** Adds what lies within a closed line drawn on a plane: even-odd, by the voxels' middles, as thick as a voxel. */
export function addOutline(covered: Covered, space: Space, outline: readonly Vec3[], normal: Vec3, isThrough: boolean): void {
  const { rows, columns, frames, axes, spacing } = space;
  const first = outline[0];
  if (!first || outline.length < 3) return;
  const voxels = outline.map((point) => toVoxel(space, point));
  const half = ([0, 1, 2] as const).reduce<number>((sum, axis) => sum + Math.abs(dot(axes[axis], normal)) * spacing[axis], 0) / 2 + 1e-6;
  // The axis that is most nearly along the normal is the one that the outline is looked at along.
  const along = ([0, 1, 2] as const).map((axis) => Math.abs(dot(axes[axis], normal)));
  const depthAxis = along.indexOf(Math.max(...along)) as 0 | 1 | 2;
  const [u, v] = ([0, 1, 2] as const).filter((axis) => axis !== depthAxis) as [0 | 1 | 2, 0 | 1 | 2];
  const counts = [columns, rows, frames.length] as const;
  const line = voxels.map((point) => [point[u], point[v]] as const);
  const range = (axis: 0 | 1, count: number): [number, number] => [Math.max(0, Math.ceil(Math.min(...line.map((p) => p[axis])))), Math.min(count - 1, Math.floor(Math.max(...line.map((p) => p[axis]))))];
  const [vFrom, vTo] = range(1, counts[v]);
  const [uFrom, uTo] = range(0, counts[u]);
  for (let b = vFrom; b <= vTo; b += 1) {
    const crossings = crossingsOf(line, b);
    for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
      const [from, to] = [Math.max(uFrom, Math.ceil(crossings[pair] ?? 0)), Math.min(uTo, Math.floor(crossings[pair + 1] ?? 0))];
      for (let a = from; a <= to; a += 1) addDepth(covered, space, { depthAxis, u, v, a, b }, { first, normal, half, isThrough });
    }
  }
}

function crossingsOf(line: readonly (readonly [number, number])[], at: number): number[] {
  const found: number[] = [];
  line.forEach(([x0, y0], place) => {
    const [x1, y1] = line[(place + 1) % line.length] ?? [x0, y0];
    if (y0 <= at !== y1 <= at) found.push(x0 + ((at - y0) / (y1 - y0)) * (x1 - x0));
  });
  return found.sort((a, b) => a - b);
}

interface Column {
  depthAxis: 0 | 1 | 2;
  u: 0 | 1 | 2;
  v: 0 | 1 | 2;
  a: number;
  b: number;
}

function addDepth(covered: Covered, space: Space, { depthAxis, u, v, a, b }: Column, plane: { first: Vec3; normal: Vec3; half: number; isThrough: boolean }): void {
  const counts = [space.columns, space.rows, space.frames.length] as const;
  const voxel: [number, number, number] = [0, 0, 0];
  [voxel[u], voxel[v]] = [a, b];
  const depthOf = (): number => dot(subtract(toPatient(space, voxel), plane.first), plane.normal);
  // Depth is linear along the axis: where it is 0 lies the plane.
  voxel[depthAxis] = 0;
  const start = depthOf();
  voxel[depthAxis] = 1;
  const slope = depthOf() - start;
  const middle = slope ? -start / slope : 0;
  const reach = plane.isThrough ? counts[depthAxis] : Math.max(0.5, plane.half / Math.abs(slope || 1));
  for (let d = Math.max(0, Math.ceil(middle - reach + 1e-9)); d <= Math.min(counts[depthAxis] - 1, Math.floor(middle + reach)); d += 1) {
    voxel[depthAxis] = d;
    const [column, row, slice] = voxel;
    covered.set(slice, (covered.get(slice) ?? new Set<number>()).add(row * space.columns + column));
  }
}
