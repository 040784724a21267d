/** Searches that are kept under names. */

import { expect, test } from "vitest";

import { parseSearches, queryOf, renamed, searchesKey, searchOf, wantedOf, withSearch, without, type SavedSearch } from "./searches";

const FAILED: SavedSearch = { name: "failed CTs", wanted: { modality: "CT", ai: "failed", sort: "-study_date" } };
const ANNA: SavedSearch = { name: "Anna", wanted: { search: "anna" } };

test("a search is kept by its name, and the same name again takes its place", () => {
  const both = withSearch(withSearch([], FAILED), ANNA);
  expect(both.map(({ name }) => name)).toEqual(["Anna", "failed CTs"]);
  expect(withSearch(both, { name: "Anna", wanted: {} })).toEqual([{ name: "Anna", wanted: {} }, FAILED]);
  expect(without(both, "Anna")).toEqual([FAILED]);
});

test("a search is renamed, but not to another's name", () => {
  const both = [ANNA, FAILED];
  expect(renamed(both, "Anna", "Z").map(({ name, wanted }) => [name, wanted])).toEqual([["failed CTs", FAILED.wanted], ["Z", ANNA.wanted]]);
  expect(renamed(both, "Anna", "failed CTs")).toEqual(both);
  expect(renamed(both, "nobody", "Z")).toEqual(both);
});

test("what is kept survives the browser, and what is broken is none", () => {
  expect(parseSearches(JSON.stringify([ANNA, FAILED]))).toEqual([ANNA, FAILED]);
  expect(parseSearches(JSON.stringify([{ name: "x", wanted: { search: 7, page: "2", else: "?" } }]))).toEqual([{ name: "x", wanted: {} }]);
  for (const text of [undefined, "", "{", "7", '{"name":"x"}', '[1,null,{"name":""},{"name":"x"}]']) expect(parseSearches(text)).toEqual([]);
  expect(searchesKey(1, "demo")).not.toBe(searchesKey(2, "demo"));
});

test("the page is not kept, and neither is the order frozen", () => {
  const wanted = { search: "a", from: "2026-01-02", sort: "patient_id", page: 3 };
  expect(wantedOf(wanted)).toEqual({ search: "a", from: "2026-01-02", sort: "patient_id" });
  expect(searchOf(queryOf(wanted))).toEqual({ search: "a", date_from: "20260102" });
  expect(queryOf(wanted)).toMatchObject({ ordering: "patient_id", page: 3 });
});
