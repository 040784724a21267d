/** The settings of a recipe as a form sees them: which matter most, which matter now, and whether a value is within bounds. */

import type { CohortVersion, Recipe, RecipeField, Steering } from "../../store/queries";

export type Settings = Readonly<Record<string, unknown>>;

export const GROUPS = ["network", "training", "data", "augmentation", "verdict", "control"] as const;

// What most people look at; the other settings are a click away.
const FOREMOST = ["network", "epochs", "minutes", "size", "stop_metric", "stop_value", "control"];
export const isForemost = ({ name }: RecipeField): boolean => FOREMOST.includes(name);

// What a setting needs of another to mean anything.
const NEEDS: Readonly<Record<string, (value: (name: string) => string) => boolean>> = {
  stop_value: (value) => value("stop_metric") !== "none",
  pixel_mm: (value) => value("fit") === "millimetres",
  slice_mm: (value) => value("dimensions") === "3" && value("fit") === "millimetres",
  slices: (value) => value("dimensions") === "3",
  tile_slices: (value) => value("dimensions") === "3",
  context: (value) => value("dimensions") === "2",
  mosaic_probability: (value) => value("dimensions") === "2",
  beta: (value) => value("network") === "vae",
  penalty: (value) => value("network") !== "dcgan",
  deep_supervision: (value) => value("network") === "unet",
};

export function isRelevant(field: RecipeField, settings: Settings, recipe: Recipe): boolean {
  const value = (name: string): string =>
    String(settings[name] ?? recipe.fields.find((one) => one.name === name)?.default ?? "");
  return NEEDS[field.name]?.(value) ?? true;
}

/** Those of the settings that the defaults of the others hang on. */
export const steeringOf = ({ dimensions }: Settings): Steering =>
  dimensions === undefined ? {} : { dimensions: Number(dimensions) as NonNullable<Steering["dimensions"]> };

/** A choice comes as text where its default is a number. */
export const isSame = (a: unknown, b: unknown): boolean => String(a) === String(b);

/** Sets a value, or takes it out again where it is the default: what is sent is what differs. */
export function withSetting(settings: Settings, field: RecipeField, value: unknown): Settings {
  const rest = Object.fromEntries(Object.entries(settings).filter(([name]) => name !== field.name));
  return isSame(value, field.default) ? rest : { ...rest, [field.name]: value };
}

export type Fault = { code: "number" | "whole" } | { code: "outOfBounds"; low: string; high: string };

export const boundText = (bound: number | null, otherwise: string): string => (bound === null ? otherwise : String(bound));

/** What is wrong with a value, or null. */
export function faultOf(field: RecipeField, value: unknown): Fault | null {
  if (field.type !== "integer" && field.type !== "number") return null;
  const number = typeof value === "number" ? value : typeof value === "string" && value.trim() ? Number(value) : NaN;
  if (!Number.isFinite(number)) return { code: "number" };
  if (field.type === "integer" && !Number.isInteger(number)) return { code: "whole" };
  const isBelow = field.minimum !== null && number < field.minimum;
  const isAbove = field.maximum !== null && number > field.maximum;
  if (!isBelow && !isAbove) return null;
  return { code: "outOfBounds", low: boundText(field.minimum, "−∞"), high: boundText(field.maximum, "∞") };
}

/** What of a run's configuration differs from these defaults: the settings with which to do it again. */
export function settingsFrom(config: Settings, recipe: Recipe): Settings {
  return recipe.fields.reduce<Settings>(
    (settings, field) => (field.name in config ? withSetting(settings, field, config[field.name]) : settings),
    {},
  );
}

/** A model's name made of words: small letters, digits, hyphens. */
export const asModelName = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 62);

export const isModelName = (name: string): boolean => /^[a-z0-9][a-z0-9-]{0,62}$/.test(name);

export interface Estimate {
  perEpoch: number;
  steps: number;
  total: number;
}

const CARVED = 0.85;

/** About how many samples a run sees, or null where the cohort does not say what it holds. */
export function samplesOf(recipe: Recipe, settings: Settings, version: CohortVersion): Estimate | null {
  const known = version.fingerprint;
  const value = (name: string, otherwise: number): number => {
    const found = Number(settings[name] ?? recipe.fields.find((field) => field.name === name)?.default);
    return Number.isFinite(found) ? found : otherwise;
  };
  const train = known.series_of_split?.train;
  if (!train) return null;
  const series = known.series_of_split?.validation ? train : train * CARVED;
  const slices = value("dimensions", 2) === 3 ? 1 : (known.slices ?? 1);
  const perEpoch = value("patches", 0) || series * slices * value("repeats", 1);
  return {
    perEpoch: Math.round(perEpoch),
    steps: Math.ceil(perEpoch / Math.max(1, value("batch_size", 1))),
    total: Math.round(perEpoch * value("epochs", 1)),
  };
}
