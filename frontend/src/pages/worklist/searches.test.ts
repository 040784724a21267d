/** Searches that are kept under names. */

import { expect, test } from "vitest";

import { queryOf, searchOf, wantedOf } from "./searches";

test("the page is not kept, and neither is the order frozen", () => {
  const wanted = { search: "a", from: "2026-01-02", sort: "patient_id", page: 3 };
  expect(wantedOf(wanted)).toEqual({ search: "a", from: "2026-01-02", sort: "patient_id" });
  expect(searchOf(queryOf(wanted))).toEqual({ search: "a", date_from: "20260102" });
  expect(queryOf(wanted)).toMatchObject({ ordering: "patient_id", page: 3 });
});
