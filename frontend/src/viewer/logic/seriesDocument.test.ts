import { expect, it } from "vitest";

import { expanded, type SeriesDocument } from "./seriesDocument";

it("gives each instance what all share and what is its own", () => {
  const document: SeriesDocument = {
    count: 3,
    shared: { "00080060": { vr: "CS", Value: ["CT"] } },
    columns: {
      "00200013": { vr: "IS", values: [[1], [2], null] },
      "00281052": { elements: [{ vr: "DS", Value: [-1024] }, null, { vr: "DS" }] },
    },
  } as unknown as SeriesDocument;
  expect(expanded(document)).toEqual([
    { "00080060": { vr: "CS", Value: ["CT"] }, "00200013": { vr: "IS", Value: [1] }, "00281052": { vr: "DS", Value: [-1024] } },
    { "00080060": { vr: "CS", Value: ["CT"] }, "00200013": { vr: "IS", Value: [2] } },
    { "00080060": { vr: "CS", Value: ["CT"] }, "00281052": { vr: "DS" } },
  ]);
});
