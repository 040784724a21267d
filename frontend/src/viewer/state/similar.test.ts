// @vitest-environment node
/** Similar cases are asked for again once the series has its place, and an answer that comes too late changes nothing. */

import { beforeEach, expect, it, vi } from "vitest";

import type { JobEvent } from "./server";
import type { Job, Similar, SimilarPending } from "./shapes";

const told = new Map<string, (event: JobEvent) => void>();
const ask = vi.fn<(team: string, series: string, withOwn: boolean) => Promise<Similar | SimilarPending>>();
vi.mock("./server", () => ({
  fetchSimilar: (team: string, series: string, withOwn: boolean) => ask(team, series, withOwn),
  watchJob: (id: string, onEvent: (event: JobEvent) => void) => {
    told.set(id, onEvent);
    return () => told.delete(id);
  },
  fetchReach: () => Promise.resolve({ embedded: 1, series: 3 }),
  startEmbedding: () => Promise.resolve({ id: "all", state: "queued" }),
  codeOf: (error: { code?: string }) => error.code ?? "",
  detailOf: (error: Error) => error.message,
}));
const { SimilarSession } = await import("./similarSession");
const { useSimilar } = await import("./similarStore");
const { openStudy, setPane } = await import("./viewerStore");

const job = (state: string): Job => ({ id: "j", state, error_detail: "", error_code: "" }) as Job;
const found = { model: "m", version: 1, compared: 2, series: [] } as Similar;

beforeEach(() => {
  told.clear();
  ask.mockReset();
  openStudy("t");
  setPane(0, { seriesUid: "1.2" });
});

it("waits for the series to be placed, then asks again", async () => {
  ask.mockResolvedValueOnce({ job: job("queued") }).mockResolvedValueOnce(found);
  const session = new SimilarSession("t");
  await session.find(true);
  expect(useSimilar.getState()).toMatchObject({ status: "computing", seriesUid: "1.2" });
  told.get("j")?.({ type: "job.changed", data: job("running") });
  told.get("j")?.({ type: "job.changed", data: job("succeeded") });
  await vi.waitFor(() => { expect(useSimilar.getState()).toMatchObject({ status: "found", found }); });
  expect(ask.mock.calls).toEqual([["t", "1.2", true], ["t", "1.2", true]]);
  expect(told.size).toBe(0);
  session.destroy();
});

it("has all series placed, and looks again", async () => {
  ask.mockResolvedValue(found);
  const session = new SimilarSession("t");
  await session.find(false);
  expect(useSimilar.getState().reach).toMatchObject({ embedded: 1, series: 3 });
  await session.placeAll();
  expect(useSimilar.getState().status).toBe("computing_all");
  told.get("all")?.({ type: "job.changed", data: { ...job("succeeded"), id: "all" } });
  await vi.waitFor(() => { expect(useSimilar.getState().status).toBe("found"); });
  expect(ask).toHaveBeenCalledTimes(2);
  session.destroy();
});

it.each([["no_embedding_model", "no_model"], ["no_embedding", "not_yet"], ["package_does_not_fit", "failed"]])("says what %s means", async (code, status) => {
  ask.mockRejectedValueOnce(Object.assign(new Error("why"), { code }));
  const session = new SimilarSession("t");
  await session.find(false);
  expect(useSimilar.getState()).toMatchObject({ status, detail: "why" });
  session.destroy();
});

it("drops an answer about a series that is no longer open", async () => {
  let answer: (found: Similar) => void = () => undefined;
  ask.mockReturnValueOnce(new Promise((resolve) => { answer = resolve; }));
  const session = new SimilarSession("t");
  const finding = session.find(false);
  setPane(0, { seriesUid: "1.3" });
  answer(found);
  await finding;
  expect(useSimilar.getState()).toMatchObject({ status: "idle", found: null });
  session.destroy();
});
