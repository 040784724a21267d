// @vitest-environment node
import { describe, expect, it } from "vitest";

import type { DicomJson } from "./dicomJson";
import { firstIndex, framesOf, stackOf, type Frame } from "./frames";

const ds = (...values: unknown[]) => ({ vr: "DS", Value: values });

function instance(number: number, z: number | null, extra: DicomJson = {}): DicomJson {
  return {
    "00080018": { vr: "UI", Value: [`1.2.${number}`] },
    "00080060": { vr: "CS", Value: ["CT"] },
    "0020000D": { vr: "UI", Value: ["1"] },
    "0020000E": { vr: "UI", Value: ["1.1"] },
    "00200013": { vr: "IS", Value: [number] },
    "00280010": { vr: "US", Value: [4] },
    "00280011": { vr: "US", Value: [6] },
    "00280030": ds(0.5, 0.5),
    "00280100": { vr: "US", Value: [16] },
    ...(z === null ? {} : { "00200032": ds(0, 0, z), "00200037": ds(1, 0, 0, 0, 1, 0) }),
    ...extra,
  };
}

const order = (frames: readonly Frame[]) => frames.map((frame) => frame.instanceNumber);

describe("framesOf", () => {
  it("runs through the body in the direction of the numbers, whatever the order of arrival", () => {
    expect(order(framesOf("/r", [instance(3, -10), instance(1, 10), instance(2, 0)]))).toEqual([1, 2, 3]);
  });

  it("believes the positions where the numbers disagree with them", () => {
    expect(order(framesOf("/r", [instance(1, 0), instance(2, 20), instance(3, 10), instance(4, 30)]))).toEqual([1, 3, 2, 4]);
  });

  it("keeps the numbers' order where several frames lie at one place", () => {
    const frames = framesOf("/r", [instance(2, 0), instance(1, 0), instance(3, 5)]);
    expect(order(frames)).toEqual([1, 2, 3]);
    expect(firstIndex(frames)).toBe(0);
  });

  it("opens a stack through the body in its middle", () => {
    expect(firstIndex(framesOf("/r", [1, 2, 3, 4].map((n) => instance(n, n))))).toBe(2);
  });

  it("gives each frame of a multi-frame object its own functional groups", () => {
    const group = (z: number) => ({ "00209113": { vr: "SQ", Value: [{ "00200032": ds(0, 0, z) }] } });
    const shared = { "00209116": { vr: "SQ", Value: [{ "00200037": ds(1, 0, 0, 0, 1, 0) }] } };
    const [first, second] = framesOf("/r", [
      instance(1, null, {
        "00280008": { vr: "IS", Value: ["2"] },
        "52009229": { vr: "SQ", Value: [shared] },
        "52009230": { vr: "SQ", Value: [group(0), group(7)] },
      }),
    ]);
    expect([first?.position, second?.position]).toEqual([[0, 0, 0], [0, 0, 7]]);
    expect(second?.imageId).toBe("wadors:/r/studies/1/series/1.1/instances/1.2.1/frames/2");
    expect(second?.metadata["00280008"]).toBeUndefined();
  });

  it("leaves out objects without pictures, and says where spacing comes from", () => {
    const report = { "00080018": { vr: "UI", Value: ["9"] } };
    const plain = instance(1, null, { "00280030": undefined });
    const detector = instance(2, null, { "00280030": undefined, "00181164": ds(0.2, 0.2) });
    expect(framesOf("/r", [report, plain, detector, instance(3, 0)]).map((frame) => frame.spacing)).toEqual(["none", "detector", "patient"]);
  });

  it("gives the viewport what files leave out: a modality, and no spacing rather than one of nothing", () => {
    const [frame] = framesOf("/r", [instance(1, null, { "00080060": undefined, "00280030": ds(0, 0) })]);
    expect(frame?.metadata["00080060"]?.Value).toEqual(["OT"]);
    expect([frame?.metadata["00280030"], frame?.spacing]).toEqual([undefined, "none"]);
  });

  it("reads the file's windows and the unit of the values", () => {
    const [frame] = framesOf("/r", [instance(1, 0, { "00281050": ds(40, -600), "00281051": ds(400, 1500), "00281055": { vr: "LO", Value: ["SOFT", "LUNG"] } })]);
    expect(frame?.windows).toEqual([
      { center: 40, width: 400, explanation: "SOFT" },
      { center: -600, width: 1500, explanation: "LUNG" },
    ]);
    expect(frame?.unit).toBe("HU");
  });
});

describe("stackOf", () => {
  it("counts slices as the site does: rising along the normal, whatever the numbers' direction", () => {
    const frames = framesOf("/r", [instance(1, 20), instance(2, 10), instance(3, 0)]);
    expect(order(frames)).toEqual([1, 2, 3]);
    expect(order(stackOf(frames))).toEqual([3, 2, 1]);
  });

  it("leaves out a scout, and colour among grey ones", () => {
    const scout = instance(1, 0, { "00200037": ds(1, 0, 0, 0, 0, -1) });
    const colour = instance(2, 5, { "00280002": { vr: "US", Value: [3] } });
    expect(order(stackOf(framesOf("/r", [scout, colour, instance(3, 10), instance(4, 20)])))).toEqual([3, 4]);
  });

  it("goes by the numbers where not all frames have a place", () => {
    expect(order(stackOf(framesOf("/r", [instance(2, null), instance(1, 9)])))).toHaveLength(1);
    expect(order(stackOf(framesOf("/r", [instance(2, null), instance(1, null)])))).toEqual([1, 2]);
  });
});
