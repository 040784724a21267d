/** What a run tells while it goes. */

import { expect, test } from "vitest";

import { NOTHING_TOLD, withEpoch, withTold, type Told } from "./training";
import type { Epoch, Training } from "./queries";

const epoch = (number: number, loss = 1): Epoch => ({
  epoch: number,
  epochs: 3,
  losses: { train_loss: loss },
  figures: {},
  seconds: 1,
  eta_s: null,
  memory_gb: 1,
  load: null,
});
const pictures = (caption: string): { type: string; data: Record<string, unknown> } => ({
  type: "training.previews",
  data: { previews: [{ kind: "sample", caption, png: "" }] },
});

test("an epoch that is told again after a restart takes the place of the older", () => {
  const run = { history: [epoch(1), epoch(2)] } as unknown as Training;
  expect(withEpoch(run, epoch(2, 7))?.history.map(({ losses }) => losses.train_loss)).toEqual([1, 7]);
  expect(withEpoch(withEpoch(run, epoch(4)), epoch(3))?.history.map((one) => one.epoch)).toEqual([1, 2, 3, 4]);
});

test("pictures belong to the epoch before them, and are replaced when it is told again", () => {
  const events = [
    pictures("first"),
    { type: "epoch.finished", data: epoch(1) as unknown as Record<string, unknown> },
    pictures("old"),
    { type: "training.log", data: { message: "a line" } },
    { type: "training.stage", data: { stage: "exporting", detail: "" } },
    { type: "epoch.finished", data: epoch(1) as unknown as Record<string, unknown> },
    pictures("new"),
  ];
  const told = events.reduce<Told>(withTold, NOTHING_TOLD);
  expect(told.batches.map((batch) => [batch.epoch, batch.previews[0]?.caption])).toEqual([
    [0, "first"],
    [1, "new"],
  ]);
  expect([told.lines, told.stage?.stage]).toEqual([["a line"], "exporting"]);
});

test("what is used is told within an epoch until the epoch itself says it", () => {
  const usage = { type: "training.usage", data: { eta_s: 60, memory_gb: 2, load: null } };
  const told = withTold(NOTHING_TOLD, usage);
  expect(told.usage?.memory_gb).toBe(2);
  expect(withTold(told, { type: "epoch.finished", data: epoch(1) as unknown as Record<string, unknown> }).usage).toBeNull();
});
