import { beforeEach, describe, expect, it } from "vitest";

import { advance, begin, redo, undo } from "./history";
import { lengthOf, readDraft, writeDraft, type Measurement } from "./measurements";

const RULER: Measurement = { id: "a", sopInstanceUid: "1.2", frameNumber: 1, points: [[0, 0, 5], [3, 4, 5]] };

it("measures in millimetres between its ends", () => {
  expect(lengthOf(RULER)).toBe(5);
});

describe("the draft", () => {
  beforeEach(() => { localStorage.clear(); });

  it("survives a reload, for each series of each team by itself", () => {
    writeDraft(localStorage, "demo", "1.1", [RULER]);
    expect(readDraft(localStorage, "demo", "1.1")).toEqual([RULER]);
    expect(readDraft(localStorage, "other", "1.1")).toEqual([]);
    writeDraft(localStorage, "demo", "1.1", []);
    expect(localStorage).toHaveLength(0);
  });

  it("is nothing where storage holds something else", () => {
    for (const broken of ["{", "7", '[{"id":"a"}]', '[{"id":"a","sopInstanceUid":"c","frameNumber":1,"points":[[0,0],[1,1,1]]}]']) {
      localStorage.setItem("medportal.draft.demo.1.1", broken);
      expect(readDraft(localStorage, "demo", "1.1")).toEqual([]);
    }
  });
});

it("goes back and forth, and forgets the future when something new is done", () => {
  const three = advance(advance(begin(0), 1), 2);
  expect(undo(three).present).toBe(1);
  expect(redo(undo(three)).present).toBe(2);
  expect(undo(begin(0)).present).toBe(0);
  expect(redo(advance(undo(three), 9)).present).toBe(9);
});
