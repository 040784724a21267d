/** A recipe's form knows what differs, what matters, and what is out of bounds. */

import { expect, test } from "vitest";

import type { Recipe, RecipeField } from "../../store/queries";
import { asModelName, faultOf, isModelName, isRelevant, settingsFrom, steeringOf, withSetting } from "./fields";

const field = (name: string, type: RecipeField["type"], given: unknown, bounds: Partial<RecipeField> = {}): RecipeField => ({
  name,
  type,
  group: "training",
  default: given,
  minimum: null,
  maximum: null,
  choices: null,
  help: "",
  ...bounds,
});
const EPOCHS = field("epochs", "integer", 10, { minimum: 1, maximum: 100 });
const RECIPE = {
  fields: [EPOCHS, field("dimensions", "choice", 2), field("slices", "integer", 0), field("stop_metric", "choice", "none"), field("stop_value", "number", 0.9)],
} as unknown as Recipe;

test("only what differs from the default is kept", () => {
  expect(withSetting({}, EPOCHS, 20)).toEqual({ epochs: 20 });
  expect(withSetting({ epochs: 20 }, EPOCHS, 10)).toEqual({});
  expect(settingsFrom({ epochs: 12, dimensions: 2, unknown: 1 }, RECIPE)).toEqual({ epochs: 12 });
});

test("a choice of numbers given as text is the same choice", () => {
  expect(withSetting({}, field("dimensions", "choice", 2), "2")).toEqual({});
});

test("defaults are asked for with the settings that they hang on, and no others", () => {
  expect(steeringOf({ epochs: 20 })).toEqual({});
  expect(steeringOf({ epochs: 20, dimensions: "3" })).toEqual({ dimensions: 3 });
});

test("values out of bounds are told, with the bounds", () => {
  expect(faultOf(EPOCHS, 10)).toBeNull();
  expect(faultOf(EPOCHS, 0)).toEqual({ code: "outOfBounds", low: "1", high: "100" });
  expect(faultOf(EPOCHS, 1.5)).toEqual({ code: "whole" });
  expect(faultOf(EPOCHS, "")).toEqual({ code: "number" });
  expect(faultOf(field("network", "choice", "unet"), "unet")).toBeNull();
});

test("what means nothing now is not shown", () => {
  const shown = (settings: Record<string, unknown>): string[] =>
    RECIPE.fields.filter((one) => isRelevant(one, settings, RECIPE)).map(({ name }) => name);
  expect(shown({})).toEqual(["epochs", "dimensions", "stop_metric"]);
  expect(shown({ dimensions: "3", stop_metric: "auc" })).toEqual(["epochs", "dimensions", "slices", "stop_metric", "stop_value"]);
});

test("a name for the model is made of a cohort's", () => {
  expect(asModelName("Lung_CT (2024)")).toBe("lung-ct-2024");
  expect([isModelName("lung-ct"), isModelName("Lung"), isModelName("-a"), isModelName("")]).toEqual([true, false, false, false]);
});
