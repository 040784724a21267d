/** Figures are named and written the same on every page. */

import { expect, test } from "vitest";

import "./i18n";
import { i18next } from "./i18n";
import { metricName, metricText } from "./metric";

test("figures are named in words, those of a class with their class, unknown ones as they are", async () => {
  await i18next.changeLanguage("en");
  const names = ["auc", "sensitivity_at_0.125", "dice_left lung", "made_up"].map((name) => metricName(i18next.t, name));
  expect(names).toEqual(["AUC", "Sensitivity at 1/8 FP", "Dice · left lung", "made up"]);
});

test("figures have the digits that say something", () => {
  expect([0.98765, 0, 23.456, 456.78, 12345.6, 0.00012, null].map(metricText)).toEqual([
    "0.988",
    "0.000",
    "23.46",
    "456.8",
    "12346",
    "1.2e-4",
    "–",
  ]);
});
