// @vitest-environment node
import { describe, expect, it } from "vitest";

import type { Frame } from "./frames";
import { readDrafts, writeDrafts } from "./markDrafts";
import { figuresOf, frameAt, isSameContent, pixelsToWorld, turnedCorners, worldToPixels, type MarkContent } from "./marks";

const MARK: MarkContent = {
  series_instance_uid: "1.1", sop_instance_uid: "1.2", frame_number: 1, frame_of_reference_uid: "1.9", kind: "length", space: "patient",
  points: [[0, 0, 5], [3, 4, 5]], data: { stats: { length_mm: 5 } }, is_hidden: false, is_locked: false, source: "person", model: "", version: null,
};

describe("a mark", () => {
  it("is the same whatever has been computed of it, and another once it is moved or named", () => {
    expect(isSameContent(MARK, { ...MARK, data: {} })).toBe(true);
    expect(isSameContent(MARK, { ...MARK, points: [[0, 0, 5], [3, 4.0001, 5]] })).toBe(true);
    expect(isSameContent(MARK, { ...MARK, points: [[0, 0, 5], [3, 4.1, 5]] })).toBe(false);
    expect(isSameContent(MARK, { ...MARK, data: { label: "nodule" } })).toBe(false);
    expect(isSameContent({ ...MARK, data: { label: "" } }, { ...MARK, data: {} })).toBe(true);
  });

  it("says what it measures, in its units", () => {
    expect(figuresOf(MARK)).toEqual(["5.0 mm"]);
    expect(figuresOf({ kind: "bidirectional", data: { stats: { length_mm: 12.34, width_mm: 7 } } })).toEqual(["12.3 × 7.0 mm"]);
    expect(figuresOf({ kind: "ellipse", data: { stats: { area_mm2: 234.4, mean: 41.26, std: 3, min: -5, max: 80.5, unit: "HU" } } })).toEqual(["234 mm²", "⌀ 41.3 ± 3.0 HU", "-5 … 80.5"]);
    expect(figuresOf({ kind: "probe", data: { stats: { value: 2.345, unit: "SUV" } } })).toEqual(["2.35 SUV"]);
    expect(figuresOf({ kind: "length", data: { stats: { length_px: 40 } } })).toEqual(["40.0 px"]);
    expect(figuresOf({ kind: "arrow", data: {} })).toEqual([]);
  });

  it("lies in pixels where its image has no place in the patient, and comes back to them", () => {
    const frame = { pixelMm: [0.5, 0.25] } as unknown as Frame;
    expect(pixelsToWorld([[10.5, 4.5, 0]], frame)).toEqual([[2.5, 2, 0]]);
    expect(worldToPixels(pixelsToWorld([[10.5, 4.5, 0]], frame), frame)).toEqual([[10.5, 4.5, 0]]);
  });

  it("is of the frame in which it lies, and of none between two", () => {
    const stack = [0, 5, 10].map((z) => ({ position: [0, 0, z], orientation: { row: [1, 0, 0], column: [0, 1, 0] }, sliceThickness: 2 }) as unknown as Frame);
    expect(frameAt([9, 9, 5.4], stack, [0, 0, -1])).toBe(stack[1]);
    expect(frameAt([9, 9, 2.5], stack, [0, 0, -1])).toBeNull();
    expect(frameAt([9, 9, 5], stack, [0, 1, 0])).toBeNull();
  });
});

it("turns a rectangle's corners into an outline and back", () => {
  expect(turnedCorners(["a", "b", "c", "d"])).toEqual(["a", "b", "d", "c"]);
  expect(turnedCorners(turnedCorners([1, 2, 3, 4]))).toEqual([1, 2, 3, 4]);
});

describe("drafts", () => {
  const memory = (): Storage => {
    const kept = new Map<string, string>();
    return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => { kept.set(key, value); }, removeItem: (key) => { kept.delete(key); }, clear: () => { kept.clear(); }, key: () => null, get length() { return kept.size; } };
  };

  it("survive a reload, for each person and study by themselves, and are gone once there are none", () => {
    const storage = memory();
    writeDrafts(storage, "anna", "t", "1", { a: { revision: 2, content: MARK }, b: { revision: 1, content: null } });
    expect(readDrafts(storage, "anna", "t", "1")).toEqual({ a: { revision: 2, content: MARK }, b: { revision: 1, content: null } });
    expect(readDrafts(storage, "bert", "t", "1")).toEqual({});
    writeDrafts(storage, "anna", "t", "1", {});
    expect(storage).toHaveLength(0);
  });

  it("are nothing where storage holds something else", () => {
    for (const broken of ["{", "7", "[1]", '{"a":{"revision":"x","content":null}}', '{"a":{"revision":1,"content":{"kind":"length","series_instance_uid":"1","data":{},"points":[[0,0]]}}}']) {
      const storage = memory();
      storage.setItem("medportal.marks.anna.t.1", broken);
      expect(readDrafts(storage, "anna", "t", "1")).toEqual({});
    }
  });
});
