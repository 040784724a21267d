/** A manifest's facts, for tasks as different as they are. */

import { beforeAll, expect, test } from "vitest";

import { i18next } from "../../ui/i18n";
import { factsOf } from "./facts";

beforeAll(async () => {
  await i18next.changeLanguage("en");
});

const said = (manifest: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(factsOf(i18next.t, manifest, "en").map(({ label, value }) => [label, value]));

test("what a segmentation says of its patches, and nothing of what it has not", () => {
  const facts = said({
    classes: ["lung"],
    input: { modalities: ["CT"], dimensions: 3, size: null, spacing_mm: [5, 1.5, 1.5], scaling: { kind: "window", low: -1000, high: 300 } },
    output: { tile: [32, 96, 96], overlap: 0.25, minimum_voxels: 0, instances: true },
    model: { opset: 20, parameters: 1234567 },
  });
  expect(facts).toMatchObject({
    Classes: "lung",
    Sees: "volumes",
    Size: "any",
    Spacing: "5 × 1.5 × 1.5 mm",
    Patch: "32 × 96 × 96",
    "Objects told apart": "yes",
    Network: "1,234,567 parameters",
  });
  expect(facts).not.toHaveProperty("Temperature");
});

test("a prognosis says at which horizon", () => {
  expect(said({ trained: { data: { cohort: "chests", version: 1, horizon_days: 365 } } })).toMatchObject({ Labels: "outcome at 365 days" });
  expect(said({ trained: { data: { cohort: "chests", version: 1, horizon_days: null } } })).not.toHaveProperty("Labels");
});

test("a manifest that says nothing has no facts but that any size will do", () => {
  expect(said({})).toEqual({ Sees: "slices", Size: "any" });
});
