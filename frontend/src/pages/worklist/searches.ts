/** Searches of the worklist that somebody keeps under names: each account's own in each team, in this browser. */

import type { StudyQuery } from "../../store/queries";
import type { WorklistSearch } from "../router";

export type Wanted = Omit<WorklistSearch, "page">;

export interface SavedSearch {
  name: string;
  wanted: Wanted;
}

export const NAME_LENGTH = 60;
const FIELDS = ["search", "modality", "ai", "from", "to", "sort"] as const;

export const searchesKey = (account: number, team: string): string => `medportal.searches.${String(account)}.${team}`;

/** What is to be kept of an address: its page is not. */
export const wantedOf = (search: Partial<Record<keyof WorklistSearch, unknown>>): Wanted =>
  Object.fromEntries(FIELDS.map((name) => [name, search[name]]).filter(([, value]) => typeof value === "string" && value)) as Wanted;

/** Reads what the browser has kept; what is no list of searches is none. */
export function parseSearches(text: string | undefined): SavedSearch[] {
  try {
    const kept: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(kept) ? kept.filter(isSaved).map(({ name, wanted }) => ({ name, wanted: wantedOf(wanted) })) : [];
  } catch {
    return [];
  }
}

function isSaved(value: unknown): value is SavedSearch {
  if (typeof value !== "object" || value === null) return false;
  const { name, wanted } = value as Partial<Record<keyof SavedSearch, unknown>>;
  return typeof name === "string" && name !== "" && typeof wanted === "object" && wanted !== null;
}

export const without = (kept: readonly SavedSearch[], name: string): SavedSearch[] => kept.filter((one) => one.name !== name);

/** Adds a search, in the place of the one of its name. */
export const withSearch = (kept: readonly SavedSearch[], one: SavedSearch): SavedSearch[] =>
  [...without(kept, one.name), one].sort((a, b) => a.name.localeCompare(b.name));

/** Gives a search another name; one that is another's changes nothing. */
export function renamed(kept: readonly SavedSearch[], from: string, to: string): SavedSearch[] {
  const one = kept.find(({ name }) => name === from);
  return !one || kept.some(({ name }) => name === to) ? [...kept] : withSearch(without(kept, from), { ...one, name: to });
}

const dicomDay = (day: string | undefined): string | undefined => day?.replaceAll("-", "");

/** What the site is asked for a page of the worklist. */
export const queryOf = (wanted: WorklistSearch): StudyQuery => ({
  search: wanted.search,
  modality: wanted.modality,
  ai_status: wanted.ai,
  date_from: dicomDay(wanted.from),
  date_to: dicomDay(wanted.to),
  ordering: wanted.sort,
  page: wanted.page,
});

/** What a cohort is frozen of: a search without its order and page. */
export function searchOf(query: StudyQuery): Record<string, string> {
  const { search, modality, ai_status, date_from, date_to } = query;
  const found = Object.entries({ search, modality, ai_status, date_from, date_to });
  return Object.fromEntries(found.filter(([, value]) => value)) as Record<string, string>;
}
