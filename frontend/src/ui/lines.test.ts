/** Curves with places of their own share an axis. */

import { expect, test } from "vitest";

import { joined } from "./lines";

test("lines keep their values at their own places", () => {
  const { x, values } = joined([
    [
      [0, 0],
      [1, 1],
    ],
    [
      [0, 0.2],
      [0.5, 0.7],
    ],
  ]);
  expect(x).toEqual([0, 0.5, 1]);
  expect(values).toEqual([
    [0, null, 1],
    [0.2, 0.7, null],
  ]);
});

test("a step straight up keeps both of its ends, in order", () => {
  const { x, values } = joined([
    [
      [0, 0],
      [0, 0.5],
      [0, 1],
      [1, 1],
    ],
  ]);
  expect(values[0]).toEqual([0, 0.5, 1, 1]);
  expect(x.every((place, index) => index === 0 || place > (x[index - 1] ?? 0))).toBe(true);
});
