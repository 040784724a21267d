import { expect, test } from "vitest";

import { bytes, dicomDate, dicomTime, duration, figure, percent, personName } from "./format";

test("dates and times of DICOM are read, and anything else is left as it is", () => {
  expect(dicomDate("20260123")).toBe("2026-01-23");
  expect(dicomDate("")).toBe("");
  expect(dicomDate("1999.01.02")).toBe("1999.01.02");
  expect(dicomTime("093015.12")).toBe("09:30");
  expect(dicomTime("")).toBe("");
});

test.each([
  ["Doe^Jane^Q", "Doe, Jane Q"],
  ["Wang^XiaoDong=王^小东", "Wang, XiaoDong"],
  ["=王^小东", "王, 小东"],
  ["^^^^", ""],
  ["Phantom", "Phantom"],
])("the name %s is written %s", (value, written) => {
  expect(personName(value)).toBe(written);
});

test("sizes, times and figures", () => {
  expect(bytes(0)).toBe("0 B");
  expect(bytes(1536)).toBe("1.5 kB");
  expect(duration(65)).toBe("1:05");
  expect(duration(7384)).toBe("2:03:04");
  expect(percent(0.42)).toBe("42 %");
  expect(percent(0.999)).toBe("99.9 %");
  expect(figure(null)).toBe("–");
  expect(figure(0.98765)).toBe("0.988");
});
