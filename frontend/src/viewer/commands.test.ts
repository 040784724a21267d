// @vitest-environment node
import { expect, it } from "vitest";

import { acts, meaningOf } from "./commands";
import { dicomDate, dicomTime, percent, personName, scaleBarLength } from "./logic/format";
import en from "./words/en.json";
import zhCN from "./words/zh-CN.json";

const press = (key: string, held: Partial<Record<"ctrlKey" | "metaKey" | "shiftKey" | "altKey", boolean>> = {}) =>
  meaningOf({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held });

it("reads keys as acts and presets, and leaves the browser's own to it", () => {
  expect([press("ArrowDown"), press("I"), press(" "), press("3"), press("?", { shiftKey: true })]).toEqual(["next", "invert", "reset", 3, "help"]);
  expect([press("z", { ctrlKey: true }), press("Z", { ctrlKey: true, shiftKey: true }), press("z")]).toEqual(["undo", "redo", "zoom"]);
  expect([press("r", { ctrlKey: true }), press("f", { metaKey: true }), press("ArrowLeft", { altKey: true }), press("$")]).toEqual([null, null, null, null]);
});

it("writes DICOM values for people", () => {
  expect(personName("Yamada^Tarou=山田^太郎", "en")).toBe("Yamada, Tarou");
  expect(personName("Wang^XiaoDong=王^小東", "zh-CN")).toBe("王小東");
  expect([dicomDate("20261123"), dicomDate("?"), dicomTime("0903.5"), dicomTime("")]).toEqual(["2026-11-23", "?", "09:03", ""]);
  expect([percent(0.5), percent(0.9991)]).toEqual(["50.0 %", "99.91 %"]);
  expect([scaleBarLength(500), scaleBarLength(260), scaleBarLength(40)]).toEqual([100, 50, 5]);
});

it("calls every act by a name in both languages", () => {
  for (const words of [en, zhCN]) expect(Object.keys(acts).filter((name) => !(name in words.act))).toEqual([]);
});
