/** What is chosen in the worklist. */

import { expect, test } from "vitest";

import { countOf, isChosen, NOTHING, withChosen } from "./selection";

const PAGE = ["1", "2", "3"];

test("studies are chosen and left out, each once, across pages", () => {
  const two = withChosen(withChosen(NOTHING, ["1"], true, PAGE), PAGE, true, PAGE);
  expect(two.studies).toEqual(["1", "2", "3"]);
  expect(withChosen(two, ["9"], true, ["9"]).studies).toEqual(["1", "2", "3", "9"]);
  expect(withChosen(two, ["2"], false, PAGE).studies).toEqual(["1", "3"]);
});

test("all that match are all, until one is left out: then what is seen stays", () => {
  const all = { isAll: true, studies: [] };
  expect([isChosen(all, "77"), countOf(all, 1234)]).toEqual([true, 1234]);
  expect(withChosen(all, ["2"], false, PAGE)).toEqual({ isAll: false, studies: ["1", "3"] });
});
