/** What is done to whole segments: each takes a segment's slices and returns those that are to be different. */

import { boxOf, slicesOf, squaredDistances, type Box, type Extent, type Slices } from "./box";
import { bitsOf, countOf, NO_RUNS, runsOf, type Runs } from "./runs";

/** Slices, rows, columns (mm). */
export type Spacing = readonly [number, number, number];

/** Grows (or shrinks, where negative) a segment by millimetres; without depth, on each slice for itself. */
export function withMargin(slices: Slices, extent: Extent, spacing: Spacing, marginMm: number, isVolume: boolean): Map<number, Runs> {
  if (!isVolume) return eachSlice(slices, (own) => withMargin(own, extent, [1e6, spacing[1], spacing[2]], marginMm, true));
  const reach = spacing.map((one) => Math.ceil(Math.max(0, marginMm) / one) + 1) as [number, number, number];
  const box = boxOf(slices, extent, reach);
  if (!box) return new Map();
  const limit = marginMm * marginMm + 1e-9;
  if (marginMm >= 0) {
    const away = squaredDistances(box, spacing);
    return slicesOf({ ...box, bits: Uint8Array.from(away, (one) => Number(one <= limit)) }, extent, slices);
  }
  // From what is not set; beyond the block nothing is.
  const outside = { size: box.size, bits: box.bits.map((bit) => 1 - bit) };
  const depth = squaredDistances(outside, spacing);
  return slicesOf({ ...box, bits: Uint8Array.from(depth, (one) => Number(one > limit)) }, extent, slices);
}

function eachSlice(slices: Slices, act: (own: Slices) => Map<number, Runs>): Map<number, Runs> {
  return new Map([...slices].flatMap(([slice, runs]) => [...act(new Map([[slice, runs]]))]));
}

/** Rounds a segment off: each voxel goes with the most of those around it, as far as a ball of one voxel reaches. */
export function smoothed(slices: Slices, extent: Extent, isVolume: boolean): Map<number, Runs> {
  const box = boxOf(slices, extent, [isVolume ? 1 : 0, 2, 2]);
  if (!box) return new Map();
  const weights = sums(box, isVolume);
  const most = isVolume ? 27 / 2 : 9 / 2;
  return slicesOf({ ...box, bits: Uint8Array.from(weights, (one) => Number(one > most)) }, extent, slices);
}

/** Returns how many are set among the 27 (or 9) around each voxel. */
function sums({ size, bits }: Box, isVolume: boolean): Uint8Array {
  const strides = [size[1] * size[2], size[2], 1] as const;
  let field = Uint8Array.from(bits);
  for (const axis of isVolume ? ([2, 1, 0] as const) : ([2, 1] as const)) {
    const [count, stride] = [size[axis], strides[axis]];
    const next = new Uint8Array(field.length);
    for (let at = 0; at < field.length; at += 1) {
      const place = Math.floor(at / stride) % count;
      // At an end of the block the last one counts twice: a segment that ends with the images has no edge there.
      const before = place > 0 ? field[at - stride] : field[at];
      const after = place < count - 1 ? field[at + stride] : field[at];
      next[at] = (before ?? 0) + (field[at] ?? 0) + (after ?? 0);
    }
    field = next;
  }
  return field;
}

/** Returns the parts of a segment that hang together by their sides, the largest first: pixels by slice. */
export function islandsOf(slices: Slices, extent: Extent): Map<number, Uint32Array>[] {
  const box = boxOf(slices, extent);
  if (!box) return [];
  const { size, bits } = box;
  const seen = new Uint8Array(bits.length);
  const strides = [size[1] * size[2], size[2], 1] as const;
  const parts: Uint32Array[] = [];
  const stack: number[] = [];
  for (let start = 0; start < bits.length; start += 1) {
    if (!bits[start] || seen[start]) continue;
    const part: number[] = [];
    seen[start] = 1;
    stack.push(start);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      part.push(at);
      for (const axis of [0, 1, 2] as const) {
        const place = Math.floor(at / strides[axis]) % size[axis];
        for (const step of [-1, 1] as const) {
          const next = at + step * strides[axis];
          if (place + step < 0 || place + step >= size[axis] || !bits[next] || seen[next]) continue;
          seen[next] = 1;
          stack.push(next);
        }
      }
    }
    parts.push(Uint32Array.from(part));
  }
  return parts.sort((a, b) => b.length - a.length).map((part) => bySlice(part, box, extent));
}

function bySlice(part: Uint32Array, { from, size }: Box, extent: Extent): Map<number, Uint32Array> {
  const found = new Map<number, number[]>();
  for (const at of part) {
    const slice = from[0] + Math.floor(at / (size[1] * size[2]));
    const rest = at % (size[1] * size[2]);
    const pixel = (from[1] + Math.floor(rest / size[2])) * extent.columns + from[2] + (rest % size[2]);
    const known = found.get(slice);
    if (known) known.push(pixel);
    else found.set(slice, [pixel]);
  }
  return new Map([...found].map(([slice, pixels]) => [slice, Uint32Array.from(pixels)]));
}

const sizeOf = (island: ReadonlyMap<number, Uint32Array>): number => [...island.values()].reduce((sum, pixels) => sum + pixels.length, 0);

/** Keeps the islands that are wanted: the largest one, those of at least so many voxels, or the one that holds a voxel. */
export function keptIslands(slices: Slices, extent: Extent, keep: "largest" | { atLeast: number } | { at: readonly [number, number] }): Map<number, Runs> {
  const islands = islandsOf(slices, extent);
  const kept = islands.filter((island, place) => {
    if (keep === "largest") return place === 0;
    if ("atLeast" in keep) return sizeOf(island) >= keep.atLeast;
    return island.get(keep.at[0])?.includes(keep.at[1]) ?? false;
  });
  const bits = new Uint8Array(extent.rows * extent.columns);
  return new Map([...slices.keys()].map((slice) => {
    bits.fill(0);
    for (const island of kept) for (const pixel of island.get(slice) ?? []) bits[pixel] = 1;
    return [slice, runsOf(bits)];
  }));
}

/**
 * Fills the slices between those that are drawn: of each gap the shape between both ends, by distances from their outlines
 * (Raya and Udupa, 1990). Slices that are drawn stay as they are.
 */
export function interpolated(slices: Slices, extent: Extent, spacing: Spacing): Map<number, Runs> {
  const drawn = [...slices].filter(([, runs]) => runs.length).map(([slice]) => slice).sort((a, b) => a - b);
  const found = new Map<number, Runs>();
  drawn.forEach((near, place) => {
    const far = drawn[place + 1];
    if (far === undefined || far - near < 2) return;
    const [a, b] = [slices.get(near) ?? NO_RUNS, slices.get(far) ?? NO_RUNS];
    const pair = boxOf(new Map([[0, a], [1, b]]), { ...extent, slices: 2 }, [0, 1, 1]);
    if (!pair) return;
    const plane = pair.size[1] * pair.size[2];
    const depths = [0, 1].map((end) => signedDepths(pair.bits.subarray(end * plane, (end + 1) * plane), [1, pair.size[1], pair.size[2]], spacing));
    for (let slice = near + 1; slice < far; slice += 1) {
      const part = (slice - near) / (far - near);
      const bits = Uint8Array.from(depths[0] ?? [], (depth, at) => Number(depth * (1 - part) + (depths[1]?.[at] ?? 0) * part > 0));
      const box: Box = { from: [slice, pair.from[1], pair.from[2]], size: [1, pair.size[1], pair.size[2]], bits };
      for (const [at, runs] of slicesOf(box, extent, new Map())) found.set(at, runs);
    }
  });
  return found;
}

/** Positive within, negative without (mm). */
function signedDepths(bits: Uint8Array, size: Box["size"], [, rowMm, columnMm]: Spacing): Float64Array {
  const inner = squaredDistances({ size, bits: bits.map((bit) => 1 - bit) }, [1, rowMm, columnMm]);
  const outer = squaredDistances({ size, bits }, [1, rowMm, columnMm]);
  return inner.map((one, at) => Math.min(1e6, Math.sqrt(one)) - Math.min(1e6, Math.sqrt(outer[at] ?? 0)));
}

/** What a frame's values are, for tools that go by them; null where they have not come. */
export type ValuesOf = (slice: number) => ArrayLike<number> | null;

export interface Range {
  low: number;
  high: number;
}

/** Returns the pixels of a slice whose values lie within a range. */
export function withinRange(values: ArrayLike<number>, { low, high }: Range): Runs {
  const bits = new Uint8Array(values.length);
  for (let at = 0; at < values.length; at += 1) bits[at] = Number((values[at] ?? NaN) >= low && (values[at] ?? NaN) <= high);
  return runsOf(bits);
}

/**
 * Returns what hangs together with a voxel and has values within a range, on its slice or through all; in steps, so that
 * the page lives on: after each, it may be stopped.
 */
export async function grownFrom(seed: readonly [number, number], extent: Extent, values: ValuesOf, range: Range, isVolume: boolean, pause: () => Promise<boolean>): Promise<Map<number, Runs> | null> {
  const { rows, columns } = extent;
  const marks = new Map<number, Uint8Array>();
  const fits = (slice: number, pixel: number): boolean => {
    const value = values(slice)?.[pixel];
    return value !== undefined && value >= range.low && value <= range.high;
  };
  const marked = (slice: number): Uint8Array => {
    const known = marks.get(slice) ?? new Uint8Array(rows * columns);
    marks.set(slice, known);
    return known;
  };
  const open: [number, number][] = [];
  const visit = (slice: number, pixel: number): void => {
    if (slice < 0 || slice >= extent.slices || marked(slice)[pixel] || !fits(slice, pixel)) return;
    marked(slice)[pixel] = 1;
    open.push([slice, pixel]);
  };
  visit(...seed);
  let since = performance.now();
  for (let next = open.pop(); next; next = open.pop()) {
    const [slice, pixel] = next;
    const column = pixel % columns;
    if (column > 0) visit(slice, pixel - 1);
    if (column < columns - 1) visit(slice, pixel + 1);
    if (pixel >= columns) visit(slice, pixel - columns);
    if (pixel < (rows - 1) * columns) visit(slice, pixel + columns);
    if (isVolume) {
      visit(slice - 1, pixel);
      visit(slice + 1, pixel);
    }
    if (performance.now() - since > 40) {
      if (!(await pause())) return null;
      since = performance.now();
    }
  }
  return new Map([...marks].map(([slice, bits]) => [slice, runsOf(bits)] as const).filter(([, runs]) => runs.length));
}

/** What a segment measures. */
export interface Figures {
  voxels: number;
  millilitres: number | null;
  mean: number | null;
  std: number | null;
  min: number | null;
  max: number | null;
  /** The longest distance on one slice (mm); null where distances are not known. */
  longestMm: number | null;
}

/** Returns what a segment measures; figures of values count the slices that have come. */
export function figuresOf(slices: Slices, extent: Extent, spacing: Spacing, voxelMl: number | null, values: ValuesOf): Figures {
  let [voxels, counted, sum, squares, min, max, longest] = [0, 0, 0, 0, Infinity, -Infinity, 0];
  for (const [slice, runs] of slices) {
    if (!runs.length) continue;
    voxels += countOf(runs);
    longest = Math.max(longest, longestOn(runs, extent.columns, spacing));
    const own = values(slice);
    if (!own) continue;
    for (let at = 0; at < runs.length; at += 2) {
      for (let pixel = runs[at] ?? 0; pixel < (runs[at] ?? 0) + (runs[at + 1] ?? 0); pixel += 1) {
        const value = own[pixel] ?? 0;
        counted += 1;
        sum += value;
        squares += value * value;
        if (value < min) min = value;
        if (value > max) max = value;
      }
    }
  }
  const mean = counted ? sum / counted : null;
  return {
    voxels,
    millilitres: voxelMl === null ? null : voxels * voxelMl,
    mean,
    std: mean === null ? null : Math.sqrt(Math.max(0, squares / counted - mean * mean)),
    min: counted ? min : null,
    max: counted ? max : null,
    longestMm: voxels ? longest : null,
  };
}

/** The longest distance between pixels' middles, among the ends of each row. */
function longestOn(runs: Runs, columns: number, [, rowMm, columnMm]: Spacing): number {
  const ends = new Map<number, [number, number]>();
  for (let at = 0; at < runs.length; at += 2) {
    const [start, stop] = [runs[at] ?? 0, (runs[at] ?? 0) + (runs[at + 1] ?? 0) - 1];
    for (let row = Math.floor(start / columns); row <= Math.floor(stop / columns); row += 1) {
      const [left, right] = [Math.max(start, row * columns) % columns, Math.min(stop, (row + 1) * columns - 1) % columns];
      const known = ends.get(row);
      ends.set(row, known ? [Math.min(known[0], left), Math.max(known[1], right)] : [left, right]);
    }
  }
  const points = [...ends].flatMap(([row, [left, right]]) => [[row * rowMm, left * columnMm], [row * rowMm, right * columnMm]] as const);
  let longest = 0;
  for (let i = 0; i < points.length; i += 1) {
    for (let j = i + 1; j < points.length; j += 1) {
      const [a, b] = [points[i], points[j]];
      if (a && b) longest = Math.max(longest, Math.hypot(a[0] - b[0], a[1] - b[1]));
    }
  }
  return longest;
}

/** Returns the pixels of runs as bits, for tools that change a few of them. */
export const openedBits = (runs: Runs | undefined, { rows, columns }: Extent): Uint8Array => bitsOf(runs ?? NO_RUNS, rows * columns);
