/** A table of outcomes as its form knows it: what its columns are called, and which of them tells what. */

import type { NewOutcomes } from "../../api/upload";

export const COLUMNS = ["patient", "time_days", "event"] as const;
export type Columns = Readonly<Record<(typeof COLUMNS)[number], string>>;

/** Enough of a file to hold its first line. */
export const HEAD_BYTES = 65536;

/** Returns the names in a CSV's first line; the delimiter is the one that occurs most, as the site has it. */
export function columnsIn(head: string): string[] {
  const line = head.replace(/^\uFEFF/, "").split(/\r?\n/, 1)[0] ?? "";
  const count = (mark: string): number => line.split(mark).length;
  const delimiter = [",", ";", "\t"].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
  const names = line.split(delimiter).map((name) => name.trim().replace(/^"(.*)"$/, "$1").trim());
  return [...new Set(names.filter(Boolean))];
}

/** Returns the columns that bear the usual names; the others are to be chosen. */
export function usual(columns: readonly string[]): Columns {
  const found = COLUMNS.map((name) => [name, columns.includes(name) ? name : ""]);
  return Object.fromEntries(found) as unknown as Columns;
}

export interface Filled {
  scheme: string;
  horizonDays: number | string;
  columns: Columns;
}

/** What is sent; null while something is missing. */
export function orderOf({ scheme, horizonDays, columns }: Filled): NewOutcomes | null {
  const isWhole = scheme.trim() && Number(horizonDays) > 0 && COLUMNS.every((name) => columns[name].trim());
  return isWhole ? { scheme: scheme.trim(), horizon_days: Number(horizonDays), ...columns } : null;
}
