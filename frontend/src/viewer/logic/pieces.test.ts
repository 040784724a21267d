// @vitest-environment node
import { describe, expect, it } from "vitest";

import type { Packed } from "./layers";
import { boxesOf, highest, isOnSlice, isSameBox, middleOf, NO_PIECES, probabilities, withPieces, type Box, type Piece } from "./pieces";

const PACKED: Packed = { payload: new Uint8Array([9]), encoding: "raw", layers: [] };
const piece = (index: number, probability: number, more: Partial<Piece> = {}): Piece => ({
  index,
  sopInstanceUid: `1.${index}`,
  frame: 1,
  probability,
  probabilities: [],
  boxes: [],
  packed: null,
  ...more,
});
const box = (low: readonly number[], high: readonly number[], score = 0.5): Box => ({ label: "nodule", low, high, score });

describe("withPieces", () => {
  it("takes a piece once, however often it comes", () => {
    const once = withPieces(NO_PIECES, 3, [piece(0, 0.1), piece(1, 0.9)]);
    const twice = withPieces(once, 3, [piece(1, 0.9), piece(0, 0.1)]);
    expect(twice).toBe(once);
    expect(once.byFrame.size).toBe(2);
  });

  it("takes the layers that a kept result did not have", () => {
    const kept = withPieces(NO_PIECES, 1, [piece(0, 0.4)]);
    const replayed = withPieces(kept, 1, [piece(0, 0.4, { packed: PACKED })]);
    expect(replayed.byFrame.get("1.0/1")?.packed).toBe(PACKED);
    expect(withPieces(replayed, 1, [piece(0, 0.4)])).toBe(replayed);
  });
});

it("lays probabilities out in the stack's order, with gaps for what has not come", () => {
  const pieces = withPieces(NO_PIECES, 3, [piece(0, 0.25), piece(2, 0.75)]);
  expect([...probabilities(pieces, ["1.2/1", "1.1/1", "1.0/1"])]).toEqual([0.75, Number.NaN, 0.25]);
  expect(highest(pieces)?.index).toBe(2);
  expect(highest(NO_PIECES)).toBeNull();
});

describe("boxes", () => {
  it("lie on each slice that they reach over, and nowhere else", () => {
    const on = (one: Box) => [0, 1, 2, 3, 4].filter((slice) => isOnSlice(one, slice));
    expect(on(box([2, 0, 0], [3, 9, 9]))).toEqual([2]);
    expect(on(box([1.5, 0, 0], [3.5, 9, 9]))).toEqual([1, 2, 3]);
    expect([box([2, 0, 0], [3, 9, 9]), box([1, 0, 0], [4, 9, 9]), box([0, 0, 0], [0.5, 9, 9])].map(middleOf)).toEqual([2, 2, 0]);
  });

  it("are told the best first, whichever slice brought them", () => {
    const pieces = withPieces(NO_PIECES, 2, [
      piece(0, 0.5, { boxes: [box([0, 0, 0], [1, 1, 1], 0.5)] }),
      piece(1, 0.9, { boxes: [box([1, 0, 0], [2, 1, 1], 0.9), box([1, 4, 4], [2, 5, 5], 0.1)] }),
    ]);
    expect(boxesOf(pieces).map(({ score }) => score)).toEqual([0.9, 0.5, 0.1]);
    expect(boxesOf(pieces)).toBe(boxesOf(pieces));
  });

  it("are the same when they are told again as they are kept, rounded", () => {
    const told = box([0, 1 / 3, 2], [1, 4, 5.12345], 1 / 3);
    expect(isSameBox(told, box([0, 0.333, 2], [1, 4, 5.123], 0.333333))).toBe(true);
    expect(isSameBox(told, box([0, 0.34, 2], [1, 4, 5.123], 0.333333))).toBe(false);
  });
});
