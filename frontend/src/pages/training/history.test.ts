/** Histories are sorted for showing. */

import { expect, test } from "vitest";

import type { Epoch } from "../../store/queries";
import { chartsOf } from "./history";

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
