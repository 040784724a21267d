// @vitest-environment node
import { describe, expect, it } from "vitest";

import { rangeWindow, windowPresets, windowRange } from "./windows";

describe("windowPresets", () => {
  it("puts the file's windows first, then those of CT", () => {
    const names = windowPresets("CT", [{ center: 1, width: 2, explanation: "X" }]).map((preset) => preset.name);
    expect(names).toEqual(["file", "lung", "mediastinum", "bone", "brain", "abdomen"]);
  });

  it("offers other modalities the file's alone, and never more than there are number keys", () => {
    expect(windowPresets("MR", [])).toEqual([]);
    const many = Array.from({ length: 12 }, (_, center) => ({ center, width: 1, explanation: "" }));
    expect(windowPresets("CT", many)).toHaveLength(9);
  });
});

describe("windowRange", () => {
  it("follows PS3.3 C.11.2.1.2.1: width 1 is a step, width 256 on 128 is 0 to 255", () => {
    expect(windowRange({ center: 128, width: 256 })).toEqual({ lower: 0, upper: 255 });
    expect(windowRange({ center: 10, width: 1 })).toEqual({ lower: 9.5, upper: 9.5 });
  });

  it("is undone by rangeWindow", () => {
    expect(rangeWindow(windowRange({ center: -600, width: 1500 }))).toEqual({ center: -600, width: 1500 });
  });
});
