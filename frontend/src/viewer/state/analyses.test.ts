// @vitest-environment node
/** What an analysis' events make of the page: whatever is told twice, late or after a break, the outcome is the same. */

import { beforeEach, expect, it, vi } from "vitest";

import type { JobEvent, StudyEvent } from "./server";
import type { Analysis, Job, Model } from "./shapes";

const told = new Map<string, (event: JobEvent) => void>();
const unwatched = new Set<string>();
const answers = { analyses: [] as Analysis[], start: vi.fn<(team: string, body: { id: string }) => Promise<Analysis>>(), mask: vi.fn<() => Promise<unknown>>() };

vi.mock("./server", () => ({
  watchJob: (id: string, onEvent: (event: JobEvent) => void) => {
    told.set(id, onEvent);
    return () => { unwatched.add(id); };
  },
  fetchModels: () => Promise.resolve([]),
  fetchAnalyses: () => Promise.resolve(answers.analyses),
  fetchMask: () => answers.mask(),
  fetchAnalysis: () => Promise.reject(new Error("not asked for here")),
  startAnalysis: (team: string, body: { id: string }) => answers.start(team, body),
  cancelJob: () => Promise.reject(new Error("not asked for here")),
  detailOf: String,
  wasAnswered: () => false,
}));

const { AnalysisSession, defaultChoice } = await import("./analysisSession");
const { analysesOf, foundBoxes, segmentsOf, useAnalyses, verdictOf } = await import("./analysesStore");
const { openStudy, setPane } = await import("./viewerStore");

const job = (id: string, changes: Partial<Job> = {}): Job =>
  ({ id, kind: "analysis", state: "running", revision: 1, progress: 0, created_at: `2026-01-0${id}T00:00:00Z`, ...changes }) as Job;
const analysis = (id: string, changes: Partial<Job> = {}, result: Analysis["result"] = null): Analysis =>
  ({ job: job(id, changes), series_instance_uid: "1.2", model: "m", version: 1, task: "classification", precision: "", result }) as Analysis;
const slice = (index: number, probability: number): JobEvent => ({
  type: "slice.predicted",
  data: { index, count: 3, probability, probabilities: [], boxes: [], layers: [], sop_instance_uid: `1.${index}`, frame: 1, encoding: "raw" } as never,
  payload: new Uint8Array([200]),
});
const settled = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 60); });
const shown = () => useAnalyses.getState().byJob[useAnalyses.getState().shownJob];

beforeEach(() => {
  told.clear();
  unwatched.clear();
  answers.analyses = [];
  answers.start.mockReset();
  answers.mask.mockReset();
  openStudy("t");
  setPane(0, { seriesUid: "1.2" });
});

it("takes pieces once each, in whatever order, and a replay from the beginning changes nothing", async () => {
  const session = new AnalysisSession("t", "1");
  session.take({ type: "analysis.changed", data: { analysis: analysis("1") } } as StudyEvent);
  for (const event of [slice(2, 0.9), slice(0, 0.1), slice(2, 0.9)]) told.get("1")?.(event);
  await settled();
  const before = shown()?.pieces;
  expect([before?.count, before?.byFrame.size]).toEqual([3, 2]);
  for (const event of [slice(0, 0.1), slice(2, 0.9)]) told.get("1")?.(event);
  await settled();
  expect(shown()?.pieces).toBe(before);
  told.get("1")?.(slice(1, 0.5));
  await settled();
  expect([...(shown()?.pieces.byFrame.values() ?? [])].map(({ probability }) => probability).sort()).toEqual([0.1, 0.5, 0.9]);
  session.destroy();
  expect([...unwatched]).toEqual(["1"]);
});

it("believes the higher revision of a job, whichever comes last", () => {
  const session = new AnalysisSession("t", "1");
  session.take({ type: "analysis.changed", data: { analysis: analysis("1", { revision: 3, state: "succeeded" }) } } as StudyEvent);
  session.take({ type: "job.changed", data: job("1", { revision: 2, progress: 0.5 }) } as StudyEvent);
  session.take({ type: "analysis.changed", data: { analysis: analysis("1", { revision: 1, state: "queued" }) } } as StudyEvent);
  expect(shown()?.analysis.job).toMatchObject({ revision: 3, state: "succeeded" });
  session.destroy();
});

it("shows a kept result without its stream: verdict and probabilities", async () => {
  const slices = [{ sop_instance_uid: "1.0", frame: 1, probability: 0.2 }];
  const verdict = { value: "normal", probability: 0.2, threshold: 0.5, positive: false };
  answers.analyses = [analysis("1", { state: "succeeded" }, { slices, verdict, provider: "CPUExecutionProvider" } as never)];
  const session = new AnalysisSession("t", "1");
  await session.load();
  const view = shown();
  expect(view && verdictOf(view)).toMatchObject({ value: "normal", threshold: 0.5, provider: "CPUExecutionProvider" });
  expect(view?.pieces.byFrame.get("1.0/1")?.probability).toBe(0.2);
  session.destroy();
});

it("shows the mask that is kept, without what was told on the way", async () => {
  const mask = { layer: () => null };
  answers.mask.mockResolvedValue(mask);
  const verdict = { value: "lesion", probability: 0.2, threshold: 0, positive: true };
  const result = { id: "s", slices: [], boxes: [], verdict, mask: { shape: [1, 2, 2], dtype: "uint8", segments: [{ value: 1, label: "lesion", voxels: 3 }] } };
  answers.analyses = [{ ...analysis("1", { state: "succeeded" }, result as never), task: "segmentation" }];
  const session = new AnalysisSession("t", "1");
  await session.load();
  await settled();
  const view = shown();
  expect(view?.mask).toBe(mask);
  expect(view && segmentsOf(view, [])).toEqual([{ number: 1, label: "lesion", voxels: 3 }]);
  expect([told.size, answers.mask.mock.calls.length]).toEqual([0, 1]);
  session.show("1");
  expect(answers.mask).toHaveBeenCalledTimes(1);
  session.destroy();
});

it("falls back on what was told where the mask cannot be had", async () => {
  answers.mask.mockRejectedValue(new Error("no network"));
  const result = { id: "s", slices: [], boxes: [], verdict: null, mask: { shape: [1, 2, 2], dtype: "uint8", segments: [] } };
  answers.analyses = [{ ...analysis("1", { state: "succeeded" }, result as never), task: "segmentation" }];
  const session = new AnalysisSession("t", "1");
  await session.load();
  await settled();
  expect([...told.keys()]).toEqual(["1"]);
  session.destroy();
});

it("shows the boxes that are kept, the best first", async () => {
  const box = (score: number) => ({ label: "nodule", low: [0, 0, 0], high: [1, 2, 2], score });
  const result = { id: "s", slices: [], boxes: [box(0.2), box(0.8)], verdict: null, mask: null };
  answers.analyses = [{ ...analysis("1", { state: "succeeded" }, result as never), task: "detection" }];
  const session = new AnalysisSession("t", "1");
  await session.load();
  const view = shown();
  expect(view && foundBoxes(view).map(({ score }) => score)).toEqual([0.8, 0.2]);
  expect(told.size).toBe(0);
  session.destroy();
});

it("turns to somebody's new run, but not away from one that is still running", () => {
  const session = new AnalysisSession("t", "1");
  session.take({ type: "analysis.changed", data: { analysis: analysis("1") } } as StudyEvent);
  session.take({ type: "analysis.changed", data: { analysis: analysis("2") } } as StudyEvent);
  expect(useAnalyses.getState().shownJob).toBe("1");
  session.take({ type: "job.changed", data: job("1", { revision: 2, state: "succeeded" }) } as StudyEvent);
  session.take({ type: "analysis.changed", data: { analysis: analysis("3") } } as StudyEvent);
  expect(useAnalyses.getState().shownJob).toBe("3");
  expect(analysesOf(useAnalyses.getState().byJob, "1.2").map((one) => one.analysis.job.id)).toEqual(["3", "2", "1"]);
  session.destroy();
});

it("asks once for a double click, and with the same id again where no answer came", async () => {
  const ids: string[] = [];
  answers.start.mockImplementation((_, { id }) => {
    ids.push(id);
    return ids.length === 1 ? Promise.reject(new Error("no network")) : Promise.resolve({ ...analysis("1"), job: job("1", { id }) });
  });
  const session = new AnalysisSession("t", "1");
  await Promise.all([session.run("m", 1), session.run("m", 1)]);
  expect(ids).toHaveLength(1);
  expect(useAnalyses.getState().startError).toContain("no network");
  await session.run("m", 1);
  expect(new Set(ids).size).toBe(1);
  expect(useAnalyses.getState()).toMatchObject({ startError: "", shownJob: ids[0] });
  session.destroy();
});

it("offers what is in production before what is newest", () => {
  const version = (number: number, stage: string) => ({ model: "m", number, stage });
  const models = [{ name: "m", versions: [version(3, "candidate"), version(2, "production"), version(1, "archived")] }] as unknown as Model[];
  expect([defaultChoice(models), defaultChoice([])]).toEqual(["m@2", ""]);
});
