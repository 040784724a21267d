/** Events change what is shown without asking again, and an older one never undoes a newer. */

import { QueryClient } from "@tanstack/react-query";
import { describe, expect, test } from "vitest";

import type { TopicEvent } from "../api/socket";
import {
  keys,
  newerTraining,
  takeTeamEvent,
  withJob,
  withStudy,
  type Epoch,
  type Job,
  type StudyPage,
  type StudyRow,
  type Training,
} from "./queries";
import { withEpoch } from "./training";

const study = (uid: string, revision: number): StudyRow => ({ study_instance_uid: uid, revision }) as StudyRow;
const page = (...rows: StudyRow[]): StudyPage => ({ count: rows.length, results: rows });
const job = (id: string, revision: number): Job => ({ id, revision }) as Job;

describe("a study's row", () => {
  test("takes the place of the older one, in its place", () => {
    const after = withStudy(page(study("1", 1), study("2", 1), study("3", 1)), study("2", 5));
    expect(after?.results.map((row) => [row.study_instance_uid, row.revision])).toEqual([["1", 1], ["2", 5], ["3", 1]]);
  });

  test("that is older, or of another page, changes nothing", () => {
    const before = page(study("1", 4));
    expect(withStudy(before, study("1", 3))).toBe(before);
    expect(withStudy(before, study("9", 9))).toBe(before);
    expect(withStudy(undefined, study("1", 1))).toBeUndefined();
  });
});

describe("a job", () => {
  test("that is new comes first; one that is known stays where it is", () => {
    expect(withJob([job("a", 1)], job("b", 1))?.map(({ id }) => id)).toEqual(["b", "a"]);
    expect(withJob([job("a", 1), job("b", 1)], job("b", 2))?.map(({ id, revision }) => `${id}${String(revision)}`)).toEqual(["a1", "b2"]);
  });

  test("that comes late does not undo a later one", () => {
    expect(withJob([job("a", 5)], job("a", 4))).toEqual([job("a", 5)]);
  });
});

describe("a run", () => {
  const run = (revision: number, epochs: number): Training =>
    ({ job: job("a", revision), history: Array.from({ length: epochs }, (_, k) => ({ epoch: k + 1 })) }) as Training;

  test("that comes late does not undo a later one", () => {
    expect(newerTraining(run(5, 0), run(4, 2))).toEqual(run(5, 0));
    expect(newerTraining(run(4, 0), run(5, 2))).toEqual(run(5, 2));
  });

  test("keeps the epochs that were told before its state was", () => {
    expect(newerTraining(run(4, 3), run(5, 2))).toEqual(run(5, 3));
  });
});

describe("an epoch", () => {
  const epoch = (number: number, accuracy: number): Epoch => ({ epoch: number, figures: { accuracy } }) as unknown as Epoch;
  const training = (...history: Epoch[]): Training => ({ history }) as Training;

  test("is added in order, and told again takes the place of itself", () => {
    const after = withEpoch(withEpoch(training(epoch(2, 0.5)), epoch(1, 0.4)), epoch(2, 0.6));
    expect(after?.history).toEqual([epoch(1, 0.4), epoch(2, 0.6)]);
  });
});

describe("a training's end", () => {
  const isAskedAgain = (control: string, state: string): boolean | undefined => {
    const client = new QueryClient();
    const key = [...keys.evaluationDocuments("team"), "1"];
    client.setQueryData(key, {});
    const training = { config: { control }, job: { state } };
    takeTeamEvent(client, "team", { type: "training.changed", data: { training } } as unknown as TopicEvent, () => undefined);
    return client.getQueryState(key)?.isInvalidated;
  };

  test("has the documents asked for again where it was a control", () => {
    expect(isAskedAgain("image-border", "succeeded")).toBe(true);
    expect(isAskedAgain("image-border", "running")).toBe(false);
    expect(isAskedAgain("none", "succeeded")).toBe(false);
  });
});
