// @vitest-environment node
import { describe, expect, it } from "vitest";

import { colourTable, defaultStyle, outlinesOf } from "./segments";

it("colours numbers as they are styled: background and hidden ones are clear", () => {
  const table = colourTable(2, (number) => ({ colour: "#0A141E", opacity: 0.5, isVisible: number !== 2 }));
  expect([...new Uint8Array(table.buffer)]).toEqual([0, 0, 0, 0, 10, 20, 30, 128, 10, 20, 30, 0]);
  expect(defaultStyle(8)).toEqual(defaultStyle(1));
});

describe("outlinesOf", () => {
  const lengthOf = (ends: readonly number[] = []): number =>
    ends.reduce((sum, _, at) => (at % 4 ? sum : sum + Math.abs((ends[at + 2] ?? 0) - (ends[at] ?? 0)) + Math.abs((ends[at + 3] ?? 0) - (ends[at + 1] ?? 0))), 0);

  it("goes around each number, at the picture's edge too", () => {
    // A square of two pixels' side in the corner, and one pixel beside it.
    const values = [1, 1, 2, 0, 1, 1, 0, 0, 0, 0, 0, 0];
    const outlines = outlinesOf(values, 3, 4);
    expect([lengthOf(outlines.get(1)), lengthOf(outlines.get(2))]).toEqual([8, 4]);
    expect(outlines.has(0)).toBe(false);
  });

  it("draws a straight side as one line", () => {
    const outlines = outlinesOf([0, 0, 0, 0, 3, 3, 3, 0, 0, 0, 0, 0], 3, 4);
    expect(outlines.get(3)?.length).toBe(4 * 4);
  });
});
