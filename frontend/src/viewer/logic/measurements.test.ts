import { beforeEach, describe, expect, it } from "vitest";

import { lengthOf, readDraft, writeDraft, type Measurement } from "./measurements";

const RULER: Measurement = { id: "a", sopInstanceUid: "1.2", frameNumber: 1, points: [[0, 0, 5], [3, 4, 5]] };

it("measures in millimetres between its ends", () => {
  expect(lengthOf(RULER)).toBe(5);
});

describe("the draft", () => {
  beforeEach(() => { localStorage.clear(); });

  it("survives a reload, for each study of each team by itself", () => {
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
