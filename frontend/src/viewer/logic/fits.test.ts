// @vitest-environment node
import { expect, it } from "vitest";

import { obstacleOf } from "./fits";
import type { Frame } from "./frames";

const reader = (changes = {}) => ({ task: "classification", modalities: ["CT"], dimensions: 2, is_colour: false, ...changes });
const ct = { modality: "CT", number_of_frames: 40 };
const frame = (isColour: boolean): Frame => ({ isColour, rows: 4, columns: 4, sopInstanceUid: "1", frameNumber: 1, instanceNumber: 1, orientation: null, position: null }) as Frame;

it("says why a model cannot be run on a series", () => {
  expect(obstacleOf(reader(), ct, [])).toBeNull();
  expect(obstacleOf(reader({ modalities: [] }), { ...ct, modality: "MR" }, [])).toBeNull();
  expect(obstacleOf(reader(), { ...ct, modality: "MR" }, [])).toBe("does_not_read");
  expect(obstacleOf(reader({ dimensions: 3 }), { ...ct, number_of_frames: 1 }, [])).toBe("needs_volume");
  expect(obstacleOf(reader(), ct, [frame(true)])).toBe("needs_grey");
  expect(obstacleOf(reader({ is_colour: true }), ct, [frame(false)])).toBe("needs_colour");
  expect(obstacleOf(reader({ is_colour: true }), ct, [frame(true)])).toBeNull();
  expect(obstacleOf(reader({ task: "generation" }), ct, [])).toBe("generates");
});
