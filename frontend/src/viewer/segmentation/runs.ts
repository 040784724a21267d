/**
 * A segment's voxels on one frame as runs: pairs of start and length in row-major order, ascending, not touching. As the
 * site keeps them, and a hundredth of a bitmap's size; a value of this type is never changed.
 */

export type Runs = Uint32Array;

export const NO_RUNS: Runs = new Uint32Array();

/** Returns the runs of a bitmap (0 or not), row after row. */
export function runsOf(bits: ArrayLike<number>): Runs {
  const found: number[] = [];
  const { length } = bits;
  for (let at = 0; at < length; at += 1) {
    if (!bits[at]) continue;
    const start = at;
    while (at < length && bits[at]) at += 1;
    found.push(start, at - start);
  }
  return Uint32Array.from(found);
}

/** Writes runs into a bitmap. */
export function fillRuns(bits: Uint8Array, runs: Runs, value = 1): void {
  for (let at = 0; at < runs.length; at += 2) {
    const start = runs[at] ?? 0;
    bits.fill(value, start, start + (runs[at + 1] ?? 0));
  }
}

export function bitsOf(runs: Runs, pixels: number): Uint8Array {
  const bits = new Uint8Array(pixels);
  fillRuns(bits, runs);
  return bits;
}

/** Returns how many pixels there are. */
export function countOf(runs: Runs): number {
  let count = 0;
  for (let at = 1; at < runs.length; at += 2) count += runs[at] ?? 0;
  return count;
}

export function hasPixel(runs: Runs, pixel: number): boolean {
  let [low, high] = [0, runs.length / 2 - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const start = runs[middle * 2] ?? 0;
    if (pixel < start) high = middle - 1;
    else if (pixel >= start + (runs[middle * 2 + 1] ?? 0)) low = middle + 1;
    else return true;
  }
  return false;
}

export const isSameRuns = (a: Runs, b: Runs): boolean => a.length === b.length && a.every((one, at) => one === b[at]);

export type Logic = "union" | "subtract" | "intersect";

/** Returns what lies in either, in the first alone, or in both. */
export function combined(a: Runs, b: Runs, logic: Logic): Runs {
  const found: number[] = [];
  let [i, j] = [0, 0];
  let start = -1;
  const edge = (runs: Runs, place: number): number => (place >= runs.length ? Infinity : (runs[place & ~1] ?? 0) + (place & 1 ? (runs[place] ?? 0) : 0));
  while (true) {
    const at = Math.min(edge(a, i), edge(b, j));
    if (at === Infinity) break;
    while (edge(a, i) === at) i += 1;
    while (edge(b, j) === at) j += 1;
    const [inA, inB] = [(i & 1) === 1, (j & 1) === 1];
    const isIn = logic === "union" ? inA || inB : logic === "subtract" ? inA && !inB : inA && inB;
    if (isIn && start < 0) start = at;
    if (!isIn && start >= 0) {
      found.push(start, at - start);
      start = -1;
    }
  }
  return Uint32Array.from(found);
}

/** Where runs lie in a frame: [first row, first column, last row, last column]; null for none. */
export function boundsOf(runs: Runs, columns: number): [number, number, number, number] | null {
  if (!runs.length) return null;
  let [top, left, bottom, right] = [Infinity, Infinity, -1, -1];
  for (let at = 0; at < runs.length; at += 2) {
    const [start, end] = [runs[at] ?? 0, (runs[at] ?? 0) + (runs[at + 1] ?? 0) - 1];
    const [first, last] = [Math.floor(start / columns), Math.floor(end / columns)];
    top = Math.min(top, first);
    bottom = Math.max(bottom, last);
    if (first === last) [left, right] = [Math.min(left, start % columns), Math.max(right, end % columns)];
    else [left, right] = [0, columns - 1];
  }
  return [top, left, bottom, right];
}

/** Returns the outline of runs as closed lines along the pixels' edges: segments x0, y0, x1, y1, in pixels. */
export function edgesOf(runs: Runs, columns: number): Float32Array {
  const bounds = boundsOf(runs, columns);
  if (!bounds) return new Float32Array();
  const [top, left, bottom, right] = bounds;
  const [height, width] = [bottom - top + 3, right - left + 3];
  // A margin of one, so that there is always a neighbour.
  const bits = new Uint8Array(height * width);
  for (let at = 0; at < runs.length; at += 2) {
    let [from, rest] = [runs[at] ?? 0, runs[at + 1] ?? 0];
    while (rest > 0) {
      const [row, column] = [Math.floor(from / columns), from % columns];
      const length = Math.min(rest, columns - column);
      bits.fill(1, (row - top + 1) * width + column - left + 1, (row - top + 1) * width + column - left + 1 + length);
      [from, rest] = [from + length, rest - length];
    }
  }
  const edges: number[] = [];
  for (let y = 1; y < height; y += 1) addLine(edges, (x) => (bits[y * width + x] ?? 0) !== (bits[(y - 1) * width + x] ?? 0), width, (from, to) => [from + left - 1, y + top - 1, to + left - 1, y + top - 1]);
  for (let x = 1; x < width; x += 1) addLine(edges, (y) => (bits[y * width + x] ?? 0) !== (bits[y * width + x - 1] ?? 0), height, (from, to) => [x + left - 1, from + top - 1, x + left - 1, to + top - 1]);
  return Float32Array.from(edges);
}

function addLine(edges: number[], isEdge: (at: number) => boolean, length: number, line: (from: number, to: number) => [number, number, number, number]): void {
  for (let at = 0; at < length; at += 1) {
    if (!isEdge(at)) continue;
    const from = at;
    while (at < length && isEdge(at)) at += 1;
    edges.push(...line(from, at));
  }
}
