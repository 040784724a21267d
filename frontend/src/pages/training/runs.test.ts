/** How runs stand to each other. */

import { expect, test } from "vitest";

import type { Training } from "../../store/queries";
import { controlsOf, differences } from "./runs";

test("runs differ in what one of them has otherwise, or has not at all", () => {
  const found = differences([
    { epochs: 10, flip: true, network: "unet" },
    { epochs: 20, flip: true },
  ]);
  expect(found).toEqual([
    { name: "epochs", values: [10, 20] },
    { name: "network", values: ["unet", undefined] },
  ]);
});

test("the controls of a run are those of the same recipe, cohort version and model", () => {
  const run = (id: string, control: string, version = 1): Training =>
    ({ job: { id }, recipe: "classification", cohort: "c", cohort_version: version, model: "m", config: { control } }) as unknown as Training;
  const all = [run("a", "none"), run("b", "shuffled-labels"), run("c", "image-border", 2), run("d", "image-border")];
  expect(controlsOf(all[0] as Training, all).map(({ job }) => job.id)).toEqual(["b", "d"]);
});
