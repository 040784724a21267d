// @vitest-environment node
import { expect, it, vi } from "vitest";

import { LayerCache, unpack, type LayerHeader, type Packed } from "./layers";

async function deflate(values: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(new Blob([values]).stream().pipeThrough(new CompressionStream("deflate"))).arrayBuffer());
}
const header = (kind: string, shape: number[], offset: number, length: number): LayerHeader => ({ kind, shape, region: [0, 0, 8, 8], scale: 1, offset, length });

it("undoes the transport's encoding of each layer by itself", async () => {
  const [one, other] = [await deflate(new Uint8Array([1, 2, 3, 4])), await deflate(new Uint8Array(12).fill(7))];
  const payload = new Uint8Array([...one, ...other]);
  const layers = [header("anomaly", [2, 2], 0, one.length), header("reconstruction", [2, 2, 3], one.length, other.length)];
  const found = await unpack({ payload, encoding: "deflate", layers });
  expect(found.map(({ kind, rows, columns, channels, values }) => [kind, rows, columns, channels, [...values]])).toEqual([
    ["anomaly", 2, 2, 1, [1, 2, 3, 4]],
    ["reconstruction", 2, 2, 3, Array(12).fill(7)],
  ]);
});

it("leaves out what is not as large as it says", async () => {
  const payload = new Uint8Array([1, 2, 3, 4]);
  const layers = [header("mask", [2, 2], 0, 4), header("mask", [2, 3], 0, 4), header("mask", [2, 2], 2, 4), header("mask", [2, 1, 2], 0, 4), header("mask", [], 0, 0)];
  expect(await unpack({ payload, encoding: "raw", layers })).toHaveLength(1);
});

it("keeps the layers that were wanted last, and survives what cannot be read", async () => {
  const ready = vi.fn();
  const cache = new LayerCache(ready, 2);
  const make = (encoding: string): Packed => ({ payload: new Uint8Array([1, 2, 3, 4]), encoding, layers: [header("mask", [2, 2], 0, 4)] });
  const [one, two, broken] = [make("raw"), make("raw"), make("deflate")];
  expect([cache.get(one), cache.get(two)]).toEqual([null, null]);
  await vi.waitFor(() => { expect(ready).toHaveBeenCalledTimes(2); });
  expect(cache.get(one)).toHaveLength(1);
  cache.get(broken);
  await vi.waitFor(() => { expect(ready).toHaveBeenCalledTimes(3); });
  expect(cache.get(broken)).toEqual([]);
  expect(cache.get(one)).toHaveLength(1);
  expect(cache.get(two)).toBeNull();
});
