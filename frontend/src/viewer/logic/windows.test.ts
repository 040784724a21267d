// @vitest-environment node
import { describe, expect, it } from "vitest";

import { rangeWindow, windowPresets, windowRange } from "./windows";

describe("windowPresets", () => {
  const names = (...args: Parameters<typeof windowPresets>) => windowPresets(...args).map(({ name, explanation }) => explanation || name);

  it("gives each key the same window in every CT, whatever windows its file brings", () => {
    const files = [{ center: -600, width: 1500, explanation: "LUNG" }, { center: 70, width: 250, explanation: "LIVER" }];
    expect(names("CT", [])).toEqual(["lung", "mediastinum", "bone", "brain", "abdomen"]);
    expect(names("CT", files)).toEqual(["lung", "mediastinum", "bone", "brain", "abdomen", "LIVER"]);
  });

  it("leaves out the file's first window, which is the image's own, and what the modality has already", () => {
    const lung = { center: -600, width: 1500, explanation: "LUNG" };
    expect(names("CT", [{ center: 1, width: 2, explanation: "OWN" }, lung])).not.toContain("LUNG");
    expect(names("MR", [{ center: 1, width: 2, explanation: "OWN" }, lung])).toEqual(["LUNG"]);
    expect(names("MR", [])).toEqual([]);
  });

  it("never offers more than there are number keys", () => {
    const many = Array.from({ length: 12 }, (_, center) => ({ center, width: 1, explanation: "" }));
    expect(names("CT", many)).toHaveLength(8);
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
