/** What is in a run's history, sorted for showing: which names there are, and which belong on one chart. */

import type { Epoch, Recipe } from "../../store/queries";

export interface Chart {
  /** `losses`, `figures`, or the name of a figure that has a scale of its own. */
  key: string;
  names: string[];
  shownAtFirst: string[];
  /** All its values are between 0 and 1. */
  isShare: boolean;
}

const SHOWN_AT_FIRST = 5;

const isLoss = (name: string): boolean => name.endsWith("_loss");

/** A loss or figure of an epoch, or null. */
export const valueOf = (epoch: Epoch, name: string): number | null => epoch.losses[name] ?? epoch.figures[name] ?? null;

/** The names that occur in any epoch, in their order; the loss on validation stands with the losses. */
export function namesIn(history: readonly Epoch[], of: "losses" | "figures"): string[] {
  const losses = history.flatMap((epoch) => Object.keys(epoch.losses));
  const figures = history.flatMap((epoch) => Object.keys(epoch.figures));
  const found = of === "losses" ? [...losses, ...figures.filter(isLoss)] : figures.filter((name) => !isLoss(name));
  return [...new Set(found)];
}

function isShare(history: readonly Epoch[], name: string): boolean {
  const values = history.map((epoch) => epoch.figures[name]).filter((value) => typeof value === "number");
  return values.every((value) => value >= 0 && value <= 1);
}

/** Returns the charts of a history: losses, shares, and one for each figure that is no share; the headline comes first. */
export function chartsOf(history: readonly Epoch[], headline: string): Chart[] {
  const figures = namesIn(history, "figures").sort((a, b) => Number(b === headline) - Number(a === headline));
  const shares = figures.filter((name) => isShare(history, name));
  const losses = namesIn(history, "losses");
  const others = figures.filter((name) => !shares.includes(name));
  const chart = (key: string, names: string[], share: boolean): Chart => ({
    key,
    names,
    shownAtFirst: names.slice(0, SHOWN_AT_FIRST),
    isShare: share,
  });
  return [
    ...(losses.length ? [chart("losses", losses, false)] : []),
    ...(shares.length ? [chart("figures", shares, true)] : []),
    ...others.map((name) => chart(name, [name], false)),
  ];
}

/** The last epoch that has a table of confusions. */
export function lastConfusion(history: readonly Epoch[]): Epoch | undefined {
  return history.findLast((epoch) => epoch.confusion?.length);
}

export type Stop = { code: "reached"; metric: string; value: number } | { code: "patience"; epochs: number } | { code: "minutes"; minutes: number };

/** Why a run that has succeeded made fewer epochs than it was allowed, by its settings and figures; null where it made all. */
export function stopOf(
  history: readonly Epoch[],
  config: Readonly<Record<string, unknown>>,
  recipe: Pick<Recipe, "headline" | "more_is_better">,
): Stop | null {
  const last = history.at(-1);
  const number = (name: string): number => Number(config[name] ?? 0);
  if (!last || last.epoch >= number("epochs")) return null;
  const metric = String(config.stop_metric ?? "none");
  const value = last.figures[metric];
  const isLessBetter = metric === recipe.headline && !recipe.more_is_better;
  const isAsGood = (one: number): boolean => (isLessBetter ? one <= number("stop_value") : one >= number("stop_value"));
  if (metric !== "none" && typeof value === "number" && isAsGood(value)) return { code: "reached", metric, value };
  if (number("patience") > 0 && last.epoch < last.epochs) return { code: "patience", epochs: number("patience") };
  return number("minutes") > 0 ? { code: "minutes", minutes: number("minutes") } : null;
}

/** The epoch whose weights are kept where that is not the last; null where it is. */
export function keptOf(history: readonly Epoch[]): number | null {
  const last = history.at(-1);
  return last?.kept_epoch === undefined || last.kept_epoch === last.epoch ? null : last.kept_epoch;
}
