/** Looks for series like the open one; where this one has to be placed among the others first, waits until it is. */

import { makeUuid } from "../logic/uuid";
import { isOver } from "./analysesStore";
import { codeOf, detailOf, fetchReach, fetchSimilar, startEmbedding, watchJob } from "./server";
import type { Job } from "./shapes";
import { resetSimilar, useSimilar, type SimilarState } from "./similarStore";
import { activeSeriesUid, useViewer } from "./viewerStore";

export class SimilarSession {
  private stopWatching: (() => void) | undefined;
  private readonly stopFollowing: () => void;
  private isEnded = false;
  /** Answers to what is no longer asked are dropped. */
  private asked = 0;

  constructor(private readonly team: string) {
    resetSimilar();
    this.stopFollowing = useViewer.subscribe((state, before) => {
      if (activeSeriesUid(state) !== activeSeriesUid(before)) this.forget();
    });
  }

  destroy(): void {
    this.isEnded = true;
    this.stopFollowing();
    this.stopWatching?.();
  }

  private forget(): void {
    this.asked += 1;
    this.stopWatching?.();
    this.stopWatching = undefined;
    resetSimilar();
  }

  /** Looks for what is like the open series; of the same patient only where that is wanted. */
  async find(withOwn: boolean): Promise<void> {
    const seriesUid = activeSeriesUid(useViewer.getState());
    if (!seriesUid) return;
    this.forget();
    useSimilar.setState({ seriesUid, withOwn, status: "asking" });
    await this.ask(true);
  }

  private async ask(mayWait: boolean): Promise<void> {
    const { seriesUid, withOwn } = useSimilar.getState();
    this.asked += 1;
    const { asked } = this;
    const change = await fetchSimilar(this.team, seriesUid, withOwn).then(
      (answer): Partial<SimilarState> => ("job" in answer ? { status: "computing", job: answer.job } : { status: "found", found: answer, job: null }),
      (error: unknown): Partial<SimilarState> => ({ status: STATUS_OF_CODE[codeOf(error)] ?? "failed", detail: detailOf(error) }),
    );
    if (this.isEnded || asked !== this.asked) return;
    // Placed, and not placed all the same: the series has changed meanwhile.
    if (change.job && !mayWait) return useSimilar.setState({ status: "failed", detail: change.job.error_detail || "" });
    useSimilar.setState(change);
    if (change.job) this.wait(change.job);
    if (change.found) await this.askReach(asked);
  }

  private async askReach(asked: number): Promise<void> {
    const reach = await fetchReach(this.team).catch(() => null);
    if (!this.isEnded && asked === this.asked) useSimilar.setState({ reach });
  }

  /** Has all of the team's series placed, and looks again. */
  async placeAll(): Promise<void> {
    this.asked += 1;
    const { asked } = this;
    useSimilar.setState({ status: "computing_all", job: null });
    try {
      const job = await startEmbedding(this.team, makeUuid());
      if (this.isEnded || asked !== this.asked) return;
      useSimilar.setState({ job });
      this.wait(job);
    } catch (error) {
      if (!this.isEnded && asked === this.asked) useSimilar.setState({ status: "failed", detail: detailOf(error) });
    }
  }

  private wait(job: Job): void {
    this.stopWatching?.();
    let isAgain = false;
    const take = (now: Job): void => {
      useSimilar.setState({ job: now });
      if (!isOver(now) || isAgain) return;
      isAgain = true;
      this.stopWatching?.();
      this.stopWatching = undefined;
      if (now.state === "succeeded") void this.ask(false);
      else useSimilar.setState({ status: "failed", detail: now.error_detail || now.error_code });
    };
    this.stopWatching = watchJob(job.id, (event) => { if (event.type === "job.changed") take(event.data); });
    if (isOver(job)) take(job);
  }
}

const STATUS_OF_CODE: Readonly<Record<string, SimilarState["status"]>> = { no_embedding_model: "no_model", no_embedding: "not_yet" };
