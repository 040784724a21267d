// @vitest-environment node
import { describe, expect, it } from "vitest";

import { highest, NO_PIECES, probabilities, unpack, withPieces, type Piece } from "./pieces";

const piece = (index: number, probability: number, map: Piece["map"] = null): Piece => ({
  index,
  sopInstanceUid: `1.${index}`,
  frame: 1,
  probability,
  map,
});
const MAP = { rows: 1, columns: 1, values: new Uint8Array([9]), region: [0, 0, 1, 1], scale: 1 } as const;

describe("withPieces", () => {
  it("takes a piece once, however often it comes", () => {
    const once = withPieces(NO_PIECES, 3, [piece(0, 0.1), piece(1, 0.9)]);
    const twice = withPieces(once, 3, [piece(1, 0.9), piece(0, 0.1)]);
    expect(twice).toBe(once);
    expect(once.byFrame.size).toBe(2);
  });

  it("takes the map that a kept result did not have", () => {
    const kept = withPieces(NO_PIECES, 1, [piece(0, 0.4)]);
    const replayed = withPieces(kept, 1, [piece(0, 0.4, MAP)]);
    expect(replayed.byFrame.get("1.0/1")?.map).toBe(MAP);
    expect(withPieces(replayed, 1, [piece(0, 0.4)])).toBe(replayed);
  });
});

it("lays probabilities out in the stack's order, with gaps for what has not come", () => {
  const pieces = withPieces(NO_PIECES, 3, [piece(0, 0.25), piece(2, 0.75)]);
  expect([...probabilities(pieces, ["1.2/1", "1.1/1", "1.0/1"])]).toEqual([0.75, Number.NaN, 0.25]);
  expect(highest(pieces)?.index).toBe(2);
  expect(highest(NO_PIECES)).toBeNull();
});

it("undoes the transport's encoding", async () => {
  const values = new Uint8Array([1, 2, 3, 250]);
  const packed = new Uint8Array(await new Response(new Blob([values]).stream().pipeThrough(new CompressionStream("deflate"))).arrayBuffer());
  expect([...(await unpack(packed, "deflate"))]).toEqual([...values]);
  expect(await unpack(values, "raw")).toBe(values);
});
