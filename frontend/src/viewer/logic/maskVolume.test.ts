// @vitest-environment node
import { expect, it } from "vitest";

import { MaskVolume } from "./maskVolume";

it("gives back each slice, in whatever parts its bytes came", () => {
  const voxels = Uint8Array.from({ length: 3 * 4 * 5 }, (_, index) => (index % 7 < 3 ? 0 : index % 3));
  const mask = new MaskVolume([3, 4, 5], 1);
  expect(mask.layer(0)).toBeNull();
  for (const [from, end] of [[0, 7], [7, 7], [7, 41], [41, 60], [60, 60]] as const) mask.push(voxels.subarray(from, end));
  expect(mask.isWhole).toBe(true);
  for (const index of [2, 0, 1]) expect([...(mask.layer(index)?.values ?? [])]).toEqual([...voxels.subarray(index * 20, index * 20 + 20)]);
  expect(mask.layer(3)).toBeNull();
  expect(mask.layer(-1)).toBeNull();
});

it("reads numbers of two bytes, the lower first", () => {
  const mask = new MaskVolume([1, 1, 3], 2);
  mask.push(new Uint8Array([1, 0, 0]));
  expect(mask.isWhole).toBe(false);
  mask.push(new Uint8Array([1, 44, 1]));
  expect([...(mask.layer(0)?.values ?? [])]).toEqual([1, 256, 300]);
});
