/** Searches of the worklist that somebody keeps under names: each account's own in each team. */

import type { StudyQuery } from "../../store/queries";
import type { WorklistSearch } from "../router";

export type Wanted = Omit<WorklistSearch, "page">;

export interface SavedSearch {
  name: string;
  wanted: Wanted;
}

export const NAME_LENGTH = 60;
const FIELDS = ["search", "modality", "ai", "from", "to", "sort"] as const;

/** What is to be kept of an address: its page is not. */
export const wantedOf = (search: Partial<Record<keyof WorklistSearch, unknown>>): Wanted =>
  Object.fromEntries(FIELDS.map((name) => [name, search[name]]).filter(([, value]) => typeof value === "string" && value)) as Wanted;

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
