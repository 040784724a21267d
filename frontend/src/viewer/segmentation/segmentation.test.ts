import { describe, expect, it } from "vitest";

import type { Frame } from "../logic/frames";
import { squaredDistances } from "./box";
import { readDocument, writeDocument, type ChangeHeader } from "./document";
import { figuresOf, grownFrom, interpolated, islandsOf, keptIslands, smoothed, withinRange, withMargin } from "./edits";
import { bitsOf, combined, countOf, edgesOf, hasPixel, isSameRuns, runsOf, type Runs } from "./runs";
import { spaceOf, toPatient, toVoxel } from "./space";
import { addOutline, addStamp, addStroke, type Covered } from "./strokes";

const EXTENT = { slices: 5, rows: 16, columns: 16 };
const PIXELS = 256;

function random(seed: number, share = 0.5, length = PIXELS): Uint8Array {
  let state = seed * 2654435761 + 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Number(state / 2 ** 32 < share);
  });
}

function square(top: number, left: number, size: number): Runs {
  const bits = new Uint8Array(PIXELS);
  for (let row = top; row < top + size; row += 1) bits.fill(1, row * 16 + left, row * 16 + left + size);
  return runsOf(bits);
}

const pixelsOf = (covered: Covered, slice: number): number => covered.get(slice)?.size ?? 0;

describe("runs", () => {
  it("hold a bitmap, also where runs go on over the end of a row", () => {
    for (const share of [0, 0.1, 0.5, 0.97, 1]) {
      const bits = random(3, share);
      const runs = runsOf(bits);
      expect(bitsOf(runs, PIXELS)).toEqual(bits);
      expect(countOf(runs)).toBe(bits.filter(Boolean).length);
      expect([...bits.keys()].filter((at) => hasPixel(runs, at))).toEqual([...bits.keys()].filter((at) => bits[at]));
    }
  });

  it("are combined as their bitmaps are", () => {
    for (let seed = 1; seed < 30; seed += 1) {
      const [a, b] = [random(seed), random(seed + 100, 0.3)];
      const expected = { union: a.map((bit, at) => bit | (b[at] ?? 0)), subtract: a.map((bit, at) => bit & (1 - (b[at] ?? 0))), intersect: a.map((bit, at) => bit & (b[at] ?? 0)) };
      for (const logic of ["union", "subtract", "intersect"] as const) expect(combined(runsOf(a), runsOf(b), logic)).toEqual(runsOf(expected[logic]));
    }
  });

  it("have an outline of as many edges as their bitmap", () => {
    const edges = edgesOf(square(3, 4, 2), 16);
    const length = Array.from({ length: edges.length / 4 }, (_, at) => Math.abs((edges[at * 4] ?? 0) - (edges[at * 4 + 2] ?? 0)) + Math.abs((edges[at * 4 + 1] ?? 0) - (edges[at * 4 + 3] ?? 0)));
    expect(length.reduce((a, b) => a + b, 0)).toBe(8);
    expect(Math.min(...edges)).toBe(3);
  });
});

describe("documents", () => {
  it("come back as they were written", async () => {
    const header: ChangeHeader = { change: "c", act: "brush", segments: [], frames: [["1.2", 1]], slices: [[1, 0, 0, 2], [2, 0, 0, 0]] };
    const packed = await writeDocument(header, [Uint32Array.from([1, 2, 9, 1]), new Uint32Array()]);
    const { header: back, runs } = await readDocument(packed);
    expect(back).toMatchObject(header);
    expect(runs.map((own) => [...own])).toEqual([[1, 2, 9, 1], []]);
  });
});

function stack(turn: { row: [number, number, number]; column: [number, number, number]; normal: [number, number, number] }): Frame[] {
  return Array.from({ length: 5 }, (_, slice) => ({
    sopInstanceUid: `1.${slice}`, frameNumber: 1, rows: 16, columns: 16, pixelMm: [1, 2], orientation: { row: turn.row, column: turn.column },
    position: turn.normal.map((one) => one * slice * 3 + 7) as unknown as Frame["position"],
  }) as unknown as Frame);
}

const AXIAL = spaceOf(stack({ row: [1, 0, 0], column: [0, 1, 0], normal: [0, 0, 1] }));
const SAGITTAL = spaceOf(stack({ row: [0, 1, 0], column: [0, 0, -1], normal: [-1, 0, 0] }));

describe("strokes", () => {
  it("go to the patient and back", () => {
    for (const space of [AXIAL, SAGITTAL]) {
      const there = toVoxel(space, toPatient(space, [3, 4.5, 2]));
      [3, 4.5, 2].forEach((one, axis) => { expect(there[axis as 0]).toBeCloseTo(one); });
    }
  });

  it("cover a disc of the slice, round in millimetres", () => {
    const covered: Covered = new Map();
    addStamp(covered, AXIAL, toPatient(AXIAL, [8, 8, 2]), [0, 0, 1], { radiusMm: 4, isBall: false });
    expect([...covered.keys()]).toEqual([2]);
    const pixels = [...(covered.get(2) ?? [])];
    const columns = pixels.map((at) => at % 16);
    const rows = pixels.map((at) => Math.floor(at / 16));
    // 2 mm between columns, 1 mm between rows.
    expect([Math.min(...columns), Math.max(...columns), Math.min(...rows), Math.max(...rows)]).toEqual([6, 10, 4, 12]);
  });

  it("cover a ball over the slices beside, and at least the voxel that they are in", () => {
    const covered: Covered = new Map();
    addStamp(covered, AXIAL, toPatient(AXIAL, [8, 8, 2]), [0, 0, 1], { radiusMm: 4, isBall: true });
    expect([...covered.keys()].sort()).toEqual([1, 2, 3]);
    expect(pixelsOf(covered, 1)).toBeLessThan(pixelsOf(covered, 2));
    const tiny: Covered = new Map();
    addStamp(tiny, AXIAL, toPatient(AXIAL, [8.3, 8.3, 2.2]), [0, 0, 1], { radiusMm: 0.1, isBall: false });
    expect([...tiny].map(([slice, pixels]) => [slice, [...pixels]])).toEqual([[2, [8 * 16 + 8]]]);
  });

  it("cover, in a plane across the slices, one row of each", () => {
    const covered: Covered = new Map();
    addStamp(covered, AXIAL, toPatient(AXIAL, [8, 8, 2]), [0, 1, 0], { radiusMm: 7, isBall: false });
    expect([...covered.keys()].sort()).toEqual([0, 1, 2, 3, 4]);
    const rows = new Set([...covered.values()].flatMap((pixels) => [...pixels].map((at) => Math.floor(at / 16))));
    expect([...rows]).toEqual([8]);
  });

  it("leave no gaps on their way", () => {
    const covered: Covered = new Map();
    addStroke(covered, AXIAL, toPatient(AXIAL, [2, 8, 1]), toPatient(AXIAL, [13, 8, 1]), [0, 0, 1], { radiusMm: 1.1, isBall: false });
    const columns = new Set([...(covered.get(1) ?? [])].map((at) => at % 16));
    expect([...columns].sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });

  it("fill what an outline encloses, on its slice or through all", () => {
    const corners = ([[3.5, 3.5], [8.5, 3.5], [8.5, 6.5], [3.5, 6.5]] as const).map(([x, y]) => toPatient(SAGITTAL, [x, y, 2]));
    const [flat, through]: [Covered, Covered] = [new Map(), new Map()];
    addOutline(flat, SAGITTAL, corners, [1, 0, 0], false);
    expect([...flat].map(([slice, pixels]) => [slice, pixels.size])).toEqual([[2, 15]]);
    addOutline(through, SAGITTAL, corners, [1, 0, 0], true);
    expect([...through.values()].map((pixels) => pixels.size)).toEqual([15, 15, 15, 15, 15]);
  });
});

describe("edits", () => {
  const slices = new Map([[1, square(4, 4, 6)], [2, square(4, 4, 6)], [3, square(4, 4, 6)]]);

  it("know distances exactly", () => {
    const bits = random(5, 0.05, 3 * 7 * 6);
    const size = [3, 7, 6] as const;
    const spacing = [3, 1, 2] as const;
    const away = squaredDistances({ size, bits }, spacing);
    const at = (place: number): number[] => [Math.floor(place / 42), Math.floor(place / 6) % 7, place % 6];
    away.forEach((found, place) => {
      const nearest = Math.min(...[...bits.keys()].filter((one) => bits[one]).map((one) => at(one).reduce((sum, index, axis) => sum + ((index - (at(place)[axis] ?? 0)) * (spacing[axis as 0] ?? 1)) ** 2, 0)));
      expect(found).toBeCloseTo(nearest);
    });
  });

  it("grow and shrink by millimetres, and a square is itself again", () => {
    const grown = withMargin(slices, EXTENT, [5, 1, 1], 2, true);
    expect(countOf(grown.get(2) ?? new Uint32Array())).toBeGreaterThan(36);
    expect(grown.get(0)?.length ?? 0).toBe(0);
    const back = withMargin(grown, EXTENT, [5, 1, 1], -2, true);
    expect(back.get(2)).toEqual(square(4, 4, 6));
    const thin = withMargin(new Map([[1, square(4, 4, 3)]]), EXTENT, [5, 1, 1], 5, true);
    expect([...thin.keys()].filter((slice) => thin.get(slice)?.length).sort()).toEqual([0, 1, 2]);
    expect([...withMargin(slices, EXTENT, [5, 1, 1], 9, false).keys()].sort()).toEqual([1, 2, 3]);
  });

  it("take single voxels away and fill single holes", () => {
    const bits = bitsOf(square(4, 4, 6), PIXELS);
    bits[6 * 16 + 6] = 0;
    bits[1] = 1;
    const flat = smoothed(new Map([[0, runsOf(bits)]]), EXTENT, false).get(0);
    expect(flat && hasPixel(flat, 6 * 16 + 6)).toBe(true);
    expect(flat && hasPixel(flat, 1)).toBe(false);
  });

  it("find islands and keep those that are wanted", () => {
    const two = new Map([[0, combined(square(1, 1, 2), square(8, 8, 4), "union")], [1, square(9, 9, 2)]]);
    expect(islandsOf(two, EXTENT).map((island) => [...island.values()].reduce((sum, pixels) => sum + pixels.length, 0))).toEqual([20, 4]);
    expect(keptIslands(two, EXTENT, "largest").get(0)).toEqual(square(8, 8, 4));
    expect(keptIslands(two, EXTENT, { at: [0, 17] })).toEqual(new Map([[0, square(1, 1, 2)], [1, new Uint32Array()]]));
    expect(keptIslands(two, EXTENT, { atLeast: 4 }).get(0)).toEqual(two.get(0));
  });

  it("fill what lies between, and leave what is drawn", () => {
    const found = interpolated(new Map([[0, square(2, 2, 4)], [4, square(2, 2, 10)]]), EXTENT, [3, 1, 1]);
    expect([...found.keys()].sort()).toEqual([1, 2, 3]);
    const sizes = [1, 2, 3].map((slice) => countOf(found.get(slice) ?? new Uint32Array()));
    expect(sizes[0]).toBeGreaterThanOrEqual(16);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(sizes[2]).toBeLessThanOrEqual(100);
  });

  it("grow from a voxel through like values alone", async () => {
    const values = Array.from({ length: 5 }, (_, slice) => Float32Array.from({ length: PIXELS }, (_v, at) => (hasPixel(square(4, 4, 6), at) && slice < 3 ? 100 : 0)));
    const grow = (isVolume: boolean) => grownFrom([1, 5 * 16 + 5], EXTENT, (slice) => values[slice] ?? null, { low: 50, high: 150 }, isVolume, () => Promise.resolve(true));
    expect(await grow(false)).toEqual(new Map([[1, square(4, 4, 6)]]));
    expect([...((await grow(true)) ?? [])].map(([slice, runs]) => [slice, countOf(runs)]).sort()).toEqual([[0, 36], [1, 36], [2, 36]]);
    expect(isSameRuns(withinRange(values[0] ?? [], { low: 50, high: 150 }), square(4, 4, 6))).toBe(true);
  });

  it("measure", () => {
    const figures = figuresOf(slices, EXTENT, [3, 1, 1], 0.003, () => Float32Array.from({ length: PIXELS }, () => 7));
    expect(figures).toMatchObject({ voxels: 108, mean: 7, std: 0, min: 7, max: 7 });
    expect(figures.millilitres).toBeCloseTo(0.324);
    expect(figures.longestMm).toBeCloseTo(5 * Math.SQRT2);
  });
});
