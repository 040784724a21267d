/** Names, digits and colours of figures, the same on every page. */

import type { TFunction } from "i18next";

// i18next takes dots for levels.
const keyOf = (name: string): string => name.replaceAll(".", "·");

/** Returns a figure's or loss's name in the reader's language; one that is a class's own, `dice_lung`, keeps its class. */
export function metricName(t: TFunction, name: string): string {
  const known = t(`metric.${keyOf(name)}`, { defaultValue: "" });
  if (known) return known;
  for (let at = name.indexOf("_"); at > 0; at = name.indexOf("_", at + 1)) {
    const base = t(`metric.${keyOf(name.slice(0, at))}`, { defaultValue: "" });
    if (base) return `${base} · ${name.slice(at + 1)}`;
  }
  return name.replaceAll("_", " ");
}

/** Three digits that say something, whatever the scale; `–` where there is no figure. */
export function metricText(value: unknown): string {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return value.toFixed(0);
  if (size >= 100) return value.toFixed(1);
  if (size >= 10) return value.toFixed(2);
  return size > 0 && size < 0.001 ? value.toExponential(1) : value.toFixed(3);
}

// Readable on both grounds, and told apart by those who do not see red and green alike.
const COLOURS = ["#339af0", "#f76707", "#37b24d", "#ae3ec9", "#f59f00", "#0ca678", "#e64980", "#7048e8", "#868e96", "#c2255c"];

export const colourOf = (index: number): string => COLOURS[index % COLOURS.length] ?? "#868e96";

/** Dashes tell lines apart once the colours begin again. */
export const dashOf = (index: number): { dash?: number[] } => (index < COLOURS.length ? {} : { dash: [6, 4] });
