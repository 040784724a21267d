/** Histories are sorted for showing. */

import { expect, test } from "vitest";

import type { Epoch } from "../../store/queries";
import { chartsOf, keptOf, stopOf } from "./history";

const epoch = (figures: Record<string, number | null>): Epoch => ({
  epoch: 1,
  epochs: 1,
  losses: { train_loss: 2 },
  figures,
  seconds: 1,
  eta_s: null,
  memory_gb: 1,
  load: null,
});

test("shares stand together, the headline first; another scale has a chart of its own", () => {
  const charts = chartsOf([epoch({ validation_loss: 1, recall: 0.5, psnr: 31, auc: 0.9 }), epoch({ recall: null, psnr: 32, auc: 1 })], "auc");
  expect(charts.map(({ key, names, isShare }) => [key, names, isShare])).toEqual([
    ["losses", ["train_loss", "validation_loss"], false],
    ["figures", ["auc", "recall"], true],
    ["psnr", ["psnr"], false],
  ]);
});

test("a run without an epoch has no chart", () => {
  expect(chartsOf([], "auc")).toEqual([]);
});

test("why a run stopped early is told by its settings and figures", () => {
  const history = [{ ...epoch({ auc: 0.995 }), epoch: 4, epochs: 10 }];
  const settings = { epochs: 10, stop_metric: "auc", stop_value: 0.99, patience: 3, minutes: 5 };
  const recipe = { headline: "auc", more_is_better: true };
  expect(stopOf(history, settings, recipe)).toEqual({ code: "reached", metric: "auc", value: 0.995 });
  expect(stopOf(history, { ...settings, stop_metric: "none" }, recipe)).toEqual({ code: "patience", epochs: 3 });
  expect(stopOf(history, { ...settings, stop_metric: "none", patience: 0 }, recipe)).toEqual({ code: "minutes", minutes: 5 });
  expect(stopOf(history, { ...settings, epochs: 4 }, recipe)).toBeNull();
});

test("of a distance less is better", () => {
  const recipe = { headline: "frechet", more_is_better: false };
  const settings = { epochs: 10, stop_metric: "frechet", stop_value: 0.5 };
  const after = (frechet: number): readonly Epoch[] => [{ ...epoch({ frechet }), epoch: 4, epochs: 10 }];
  expect(stopOf(after(0.4), settings, recipe)).toEqual({ code: "reached", metric: "frechet", value: 0.4 });
  expect(stopOf(after(0.6), settings, recipe)).toBeNull();
});

test("which epoch is kept is told where it is not the last", () => {
  const first = { ...epoch({}), kept_epoch: 1 };
  expect(keptOf([first])).toBeNull();
  expect(keptOf([first, { ...epoch({}), epoch: 2, kept_epoch: 1 }])).toBe(1);
  expect(keptOf([epoch({})])).toBeNull();
});
