// @vitest-environment node
import { expect, it } from "vitest";

import type { Frame } from "./frames";
import { nearestPlace } from "./linking";
import { lineOf } from "./planes";
import { suvFactor } from "./suv";

const frame = (z: number, uid = "1.9", change: Partial<Frame> = {}): Frame =>
  ({ position: [0, 0, z], orientation: { row: [1, 0, 0], column: [0, 1, 0] }, pixelMm: [1, 1], rows: 11, columns: 21, frameOfReferenceUid: uid, ...change }) as Frame;

it("goes to the same place of the body, whatever the distance of the slices", () => {
  const thin = Array.from({ length: 30 }, (_, place) => frame(place));
  expect(nearestPlace(frame(12.4), thin)).toBe(12);
  expect(nearestPlace(frame(12.4, "other"), thin)).toBeNull();
  expect(nearestPlace(frame(3, "1.9", { orientation: { row: [0, 1, 0], column: [0, 0, 1] } }), thin)).toBeNull();
});

it("draws where another picture's plane lies in this one", () => {
  const sagittal = frame(-5, "1.9", { position: [8, 0, -5], orientation: { row: [0, 1, 0], column: [0, 0, 1] }, rows: 20, columns: 11 });
  expect(lineOf(sagittal, frame(0))).toEqual([[8, 10, 0], [8, 0, 0]]);
  expect(lineOf(frame(3), frame(0))).toBeNull();
  expect(lineOf(sagittal, frame(200))).toBeNull();
});

it("computes uptake values by body weight", () => {
  const element = (vr: string, ...values: unknown[]) => ({ vr, Value: values });
  const dose = { "00181074": element("DS", 3.7e8), "00181075": element("DS", 6586.2), "00181072": element("TM", "100000") };
  const pet = {
    "00080060": element("CS", "PT"), "00541001": element("CS", "BQML"), "00280051": element("CS", "DECY", "ATTN"),
    "00541102": element("CS", "START"), "00101030": element("DS", 70), "00080021": element("DA", "20260102"), "00080031": element("TM", "110000"),
    "00540016": element("SQ", dose),
  };
  expect(suvFactor(pet)).toBeCloseTo(70_000 / (3.7e8 * 2 ** (-3600 / 6586.2)), 12);
  expect(suvFactor({ ...pet, "00541102": element("CS", "ADMIN") })).toBeCloseTo(70_000 / 3.7e8, 12);
  expect(suvFactor({ ...pet, "00541001": element("CS", "GML") })).toBe(1);
  expect(suvFactor({ ...pet, "00101030": element("DS") })).toBeNull();
  expect(suvFactor({ ...pet, "00280051": element("CS", "ATTN") })).toBeNull();
  expect(suvFactor({ "00080060": element("CS", "CT") })).toBeNull();
});
