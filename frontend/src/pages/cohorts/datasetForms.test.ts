/** What is sent of the import form. */

import { expect, test } from "vitest";

import { BLANK, isCohortName, orderOf } from "./datasetForms";

test("nothing that was left as it is is sent", () => {
  expect(orderOf("1", { ...BLANK, cohort: "spots" })).toEqual({
    id: "1",
    format: "imagefolder",
    cohort: "spots",
    instances: false,
    images_only: false,
    synthetic: false,
  });
});

test("what the format has no use for stays out", () => {
  const filled = { ...BLANK, format: "dicom" as const, cohort: "c", instances: true, table: "groups.csv", classes: ["a", "b"] };
  expect(orderOf("1", filled)).toMatchObject({ classes: "a,b", instances: false });
  expect(orderOf("1", filled)).not.toHaveProperty("table");
});

test("splits are told in the words of the command line", () => {
  const told = (values: object): unknown => orderOf("1", { ...BLANK, ...values }).split;
  expect(told({ split: "parts", parts: { train: 80, validation: 0, test: 20 } })).toBe("train=0.8,validation=0,test=0.2");
  expect(told({ split: "column", splitColumn: "fold" })).toBe("column:fold");
  expect(told({ split: "test" })).toBe("all:test");
});

test("one label column is the column of the label, several are several labels at once", () => {
  const csv = { ...BLANK, format: "csv" as const };
  expect(orderOf("1", { ...csv, label_columns: "outcome" })).toMatchObject({ label_column: "outcome" });
  expect(orderOf("1", { ...csv, label_columns: "a,b" })).toMatchObject({ label_columns: "a,b" });
});

test("a cohort's name can stand in an address", () => {
  expect(["lung_CT-2", "", "a b", "x/y"].map(isCohortName)).toEqual([true, false, false, false]);
});
