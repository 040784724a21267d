/** A check goes on until every series has been compared. */

import { expect, test } from "vitest";

import { askAgainMs } from "./cohorts";

test("a check is asked for again while series are left to compare, and no longer", () => {
  expect(askAgainMs({ status: "success", data: { unhashed: 3 } })).toBeGreaterThan(0);
  expect(askAgainMs({ status: "success", data: { unhashed: 0 } })).toBe(false);
  expect(askAgainMs({ status: "pending", data: undefined })).toBe(false);
  expect(askAgainMs({ status: "error", data: { unhashed: 3 } })).toBe(false);
});
