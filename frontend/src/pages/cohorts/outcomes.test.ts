/** What is read of a table of outcomes before it is sent, and what is sent. */

import { expect, test } from "vitest";

import { columnsIn, orderOf, usual } from "./outcomes";

test("the names of the first line are the columns, whatever parts them", () => {
  expect(columnsIn("\uFEFFpatient,time_days,event\r\nA,1,0")).toEqual(["patient", "time_days", "event"]);
  expect(columnsIn('"ID";"Days, whole";Died')).toEqual(["ID", "Days, whole", "Died"]);
  expect(columnsIn("")).toEqual([]);
});

test("columns of the usual names are chosen", () => {
  expect(usual(["event", "patient", "days"])).toEqual({ patient: "patient", time_days: "", event: "event" });
});

test("nothing is sent while something is missing", () => {
  const columns = { patient: "ID", time_days: "Days", event: "Died" };
  expect(orderOf({ scheme: " death-1y ", horizonDays: 365, columns })).toEqual({ scheme: "death-1y", horizon_days: 365, patient: "ID", time_days: "Days", event: "Died" });
  expect(orderOf({ scheme: "", horizonDays: 365, columns })).toBeNull();
  expect(orderOf({ scheme: "s", horizonDays: "", columns })).toBeNull();
  expect(orderOf({ scheme: "s", horizonDays: 365, columns: { ...columns, event: "" } })).toBeNull();
});
