// @vitest-environment node
import { describe, expect, it } from "vitest";

import { directionLetters, edgeLetters, oppositeLetters } from "./orientation";

describe("directionLetters", () => {
  it.each([
    [[1, 0, 0], "L"],
    [[-1, 0, 0], "R"],
    [[0, 1, 0], "P"],
    [[0, -1, 0], "A"],
    [[0, 0, 1], "H"],
    [[0, 0, -1], "F"],
  ] as const)("names the axis %j %s", (direction, letters) => {
    expect(directionLetters(direction)).toBe(letters);
  });

  it("names an oblique direction by its components, the strongest first", () => {
    expect(directionLetters([0.8, -0.6, 0])).toBe("LA");
    expect(directionLetters([0.3, 0.5, -0.81])).toBe("FPL");
  });

  it("does not name a slight tilt", () => {
    expect(directionLetters([0.99, 0.1, 0.05])).toBe("L");
  });
});

it("gives opposite edges opposite letters", () => {
  expect(oppositeLetters("LAH")).toBe("RPF");
  expect(edgeLetters([1, 0, 0], [0, 1, 0])).toEqual({ right: "L", left: "R", bottom: "P", top: "A" });
  expect(edgeLetters([0, 1, 0], [0, 0, -1])).toEqual({ right: "P", left: "A", bottom: "F", top: "H" });
});
