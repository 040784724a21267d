import { describe, expect, it } from "vitest";

import { isFor, layoutOf, NO_RULES, protocolFor, ruleFor, type Protocol } from "./hanging";
import { gridLayout, NO_LINKS, NO_PROJECTION, seriesFor } from "./layouts";

const series = (uid: string, modality: string, description: string) => ({ series_instance_uid: uid, modality, series_description: description, is_displayable: true, body_part_examined: "CHEST" });
const SERIES = [series("1", "CT", "Lung 1 mm"), series("2", "CT", "Lung 1 mm"), series("3", "PT", "WB")];
const STUDY = { modalities_in_study: ["CT", "PT"], study_description: "Thorax nativ", series: SERIES };
const protocol = (id: string, change: Partial<Protocol>): Protocol => ({ id, name: id, is_shared: true, layout: gridLayout(1, 1), rules: { ...NO_RULES, is_automatic: true }, rank: 100, revision: 1, ...change });

describe("a layout", () => {
  it("is for studies that its rules fit", () => {
    expect(isFor(NO_RULES, STUDY)).toBe(true);
    expect(isFor({ ...NO_RULES, modalities: ["MR"] }, STUDY)).toBe(false);
    expect(isFor({ ...NO_RULES, modalities: ["MR", "PT"], description: "THORAX", body_part: "chest", fewest_series: 3, most_series: 3 }, STUDY)).toBe(true);
    expect(isFor({ ...NO_RULES, most_series: 2 }, STUDY)).toBe(false);
  });

  it("is taken of one's own first, then by rank, and never unless it wants to", () => {
    const [team, better, own] = [protocol("team", { rank: 1 }), protocol("better", { rank: 0 }), protocol("own", { is_shared: false, rank: 500 })];
    expect(protocolFor([team, better, own], STUDY)?.id).toBe("own");
    expect(protocolFor([team, better], STUDY)?.id).toBe("better");
    expect(protocolFor([protocol("by hand", { rules: NO_RULES })], STUDY)).toBeNull();
  });

  it("finds the same series again", () => {
    for (const { series_instance_uid: uid } of SERIES) {
      const rule = ruleFor(uid, SERIES, []);
      expect(rule && seriesFor(rule, SERIES, [])?.series_instance_uid).toBe(uid);
    }
    expect(ruleFor("1", [], SERIES)?.study).toBe("prior");
  });

  it("is what is on screen", () => {
    const pane = { kind: "plane", plane: "coronal", projection: NO_PROJECTION, seriesUid: "3", fusion: { seriesUid: "1" }, view: { window: { center: 40, width: 400 } } } as const;
    const layout = layoutOf(1, 1, [pane], NO_LINKS, SERIES, [], true);
    expect(layout.panes[0]).toMatchObject({ kind: "plane", plane: "coronal", series: { modality: "PT" }, fusion: { modality: "CT" }, window: { width: 400 } });
    expect(layoutOf(1, 1, [pane], NO_LINKS, SERIES, [], false).panes[0]?.window).toBeNull();
  });
});
