// @vitest-environment node
import { expect, it } from "vitest";

import { gridLayout, LAYOUTS, seriesFor } from "./layouts";

const series = (uid: string, modality: string, description: string, is_displayable = true) =>
  ({ series_instance_uid: uid, modality, series_description: description, is_displayable });
const CURRENT = [series("1", "CT", "Topogram", false), series("2", "CT", "Thorax LUNG"), series("3", "PT", "AC"), series("4", "CT", "Thorax soft")];

it("finds the series that a rule means, and none that cannot be shown", () => {
  const rule = { study: "current", modality: "CT", description: "", place: 0 } as const;
  expect(seriesFor(rule, CURRENT, [])?.series_instance_uid).toBe("2");
  expect(seriesFor({ ...rule, place: 1 }, CURRENT, [])?.series_instance_uid).toBe("4");
  expect(seriesFor({ ...rule, description: "soft" }, CURRENT, [])?.series_instance_uid).toBe("4");
  expect(seriesFor({ ...rule, study: "prior" }, CURRENT, [])).toBeNull();
});

it("fills a grid with the series as they come", () => {
  const { panes } = gridLayout(2, 2);
  expect(panes.map(({ series: rule }) => rule && seriesFor(rule, CURRENT, [])?.series_instance_uid)).toEqual(["2", "3", "4", undefined]);
});

it("puts PET over CT", () => {
  const fused = LAYOUTS.fusion.panes[2];
  expect([fused?.series?.modality, fused?.fusion?.modality]).toEqual(["CT", "PT"]);
});
