/** A part of a segment as a dense block of voxels, for what needs neighbours: smoothing, margins, islands, interpolation. */

import { boundsOf, fillRuns, runsOf, NO_RUNS, type Runs } from "./runs";

/** Voxels (slice, row, column) from a corner; 0 or 1. */
export interface Box {
  from: readonly [number, number, number];
  size: readonly [number, number, number];
  bits: Uint8Array;
}

/** A segment's runs, by place of their frame in the space. */
export type Slices = ReadonlyMap<number, Runs>;

export interface Extent {
  slices: number;
  rows: number;
  columns: number;
}

/** Returns the block that holds a segment, with a margin on all sides as far as there are voxels; null for an empty one. */
export function boxOf(slices: Slices, extent: Extent, margin: readonly [number, number, number] = [0, 0, 0]): Box | null {
  let [near, top, left, far, bottom, right] = [Infinity, Infinity, Infinity, -1, -1, -1];
  for (const [slice, runs] of slices) {
    const bounds = boundsOf(runs, extent.columns);
    if (!bounds) continue;
    [near, far] = [Math.min(near, slice), Math.max(far, slice)];
    [top, left] = [Math.min(top, bounds[0]), Math.min(left, bounds[1])];
    [bottom, right] = [Math.max(bottom, bounds[2]), Math.max(right, bounds[3])];
  }
  if (far < 0) return null;
  const from = [Math.max(0, near - margin[0]), Math.max(0, top - margin[1]), Math.max(0, left - margin[2])] as const;
  const to = [Math.min(extent.slices - 1, far + margin[0]), Math.min(extent.rows - 1, bottom + margin[1]), Math.min(extent.columns - 1, right + margin[2])] as const;
  const size = [to[0] - from[0] + 1, to[1] - from[1] + 1, to[2] - from[2] + 1] as const;
  const box: Box = { from, size, bits: new Uint8Array(size[0] * size[1] * size[2]) };
  const frame = new Uint8Array(extent.rows * extent.columns);
  for (const [slice, runs] of slices) {
    if (!runs.length) continue;
    fillRuns(frame, runs);
    for (let row = 0; row < size[1]; row += 1) {
      const at = (from[1] + row) * extent.columns + from[2];
      box.bits.set(frame.subarray(at, at + size[2]), ((slice - from[0]) * size[1] + row) * size[2]);
    }
    fillRuns(frame, runs, 0);
  }
  return box;
}

/** Returns a block as runs by slice, for all slices of the block and those of `before`. */
export function slicesOf({ from, size, bits }: Box, extent: Extent, before: Slices): Map<number, Runs> {
  const found = new Map<number, Runs>([...before.keys()].map((slice) => [slice, NO_RUNS]));
  const frame = new Uint8Array(extent.rows * extent.columns);
  for (let slice = 0; slice < size[0]; slice += 1) {
    frame.fill(0);
    for (let row = 0; row < size[1]; row += 1) {
      const at = (slice * size[1] + row) * size[2];
      frame.set(bits.subarray(at, at + size[2]), (from[1] + row) * extent.columns + from[2]);
    }
    const runs = runsOf(frame);
    if (runs.length || found.has(from[0] + slice)) found.set(from[0] + slice, runs);
  }
  return found;
}

/**
 * Returns of each voxel the squared distance (mm²) to the nearest one that is set, exactly: Felzenszwalb and Huttenlocher
 * (2012), one axis after the other.
 */
export function squaredDistances({ size, bits }: Pick<Box, "size" | "bits">, spacing: readonly [number, number, number]): Float64Array {
  const field = Float64Array.from(bits, (bit) => (bit ? 0 : 1e20));
  const [slices, rows, columns] = size;
  const strides = [rows * columns, columns, 1] as const;
  for (const axis of [2, 1, 0] as const) {
    const [count, stride] = [size[axis], strides[axis]];
    const line = new Float64Array(count);
    for (let place = 0; place < slices * rows * columns; place += 1) {
      if (Math.floor(place / stride) % count !== 0) continue;
      for (let at = 0; at < count; at += 1) line[at] = field[place + at * stride] ?? 0;
      lowerEnvelope(line, spacing[axis] ** 2, (at, value) => { field[place + at * stride] = value; });
    }
  }
  return field;
}

function lowerEnvelope(line: Float64Array, scale: number, put: (at: number, value: number) => void): void {
  const count = line.length;
  const [apex, border] = [new Int32Array(count), new Float64Array(count + 1)];
  let last = 0;
  [border[0], border[1]] = [-Infinity, Infinity];
  const value = (at: number): number => line[at] ?? 0;
  const meet = (q: number, p: number): number => (value(q) / scale + q * q - (value(p) / scale + p * p)) / (2 * q - 2 * p);
  for (let q = 1; q < count; q += 1) {
    let s = meet(q, apex[last] ?? 0);
    while (last > 0 && s <= (border[last] ?? 0)) {
      last -= 1;
      s = meet(q, apex[last] ?? 0);
    }
    last += 1;
    [apex[last], border[last], border[last + 1]] = [q, s, Infinity];
  }
  let at = 0;
  for (let q = 0; q < count; q += 1) {
    while ((border[at + 1] ?? 0) < q) at += 1;
    const p = apex[at] ?? 0;
    put(q, Math.min(1e20, (q - p) ** 2 * scale + value(p)));
  }
}
