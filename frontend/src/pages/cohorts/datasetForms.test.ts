/** What is sent of the import form. */

import { expect, test } from "vitest";

import { BLANK, FORMATS, isCohortName, orderOf } from "./datasetForms";

test("nothing that was left as it is is sent", () => {
  expect(orderOf("1", { ...BLANK, cohort: "spots" })).toEqual({
    id: "1",
    format: "imagefolder",
    cohort: "spots",
    instances: false,
    multi_label: false,
    images_only: false,
    synthetic: false,
  });
});

test("what the format has no use for stays out", () => {
  const filled = { ...BLANK, format: "npz" as const, cohort: "c", instances: true, table: "groups.csv", where: ["a=1"], classes: ["a", "b"] };
  expect(orderOf("1", filled)).toMatchObject({ classes: "a,b", instances: false });
  expect(orderOf("1", { ...filled, multi_label: true })).toMatchObject({ multi_label: true });
  expect(orderOf("1", filled)).not.toHaveProperty("table");
  expect(orderOf("1", filled)).not.toHaveProperty("where");
});

test("of DICOM a table of labels is sent, and what is to be taken of it", () => {
  const filled = { ...BLANK, format: "dicom" as const, cohort: "c", table: " labels.csv ", label_columns: "a,b", path_column: "uid", where: ["site=A, B"], issuer: "x" };
  expect(orderOf("1", filled)).toEqual({
    id: "1",
    format: "dicom",
    cohort: "c",
    table: "labels.csv",
    label_columns: "a,b",
    path_column: "uid",
    where: ["site=A, B"],
    instances: false,
    multi_label: false,
    images_only: false,
    synthetic: false,
  });
});

test("seed, scheme and issuer are sent where they are named", () => {
  const filled = { ...BLANK, cohort: "c", seed: 0, scheme: "kind", issuer: "set" };
  expect(orderOf("1", filled)).toMatchObject({ seed: 0, scheme: "kind", issuer: "set" });
  expect(orderOf("1", { ...filled, format: "voc" })).not.toHaveProperty("scheme");
});

test("every format that takes a table can be told its columns", () => {
  for (const { upfront, options, format } of FORMATS) {
    const all = [...upfront, ...options];
    if (all.includes("table") || format === "csv") expect(all, format).toEqual(expect.arrayContaining(["group_column", "path_column", "where"]));
  }
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
