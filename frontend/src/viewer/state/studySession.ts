/** Holds the open study: fetches it once, then follows what the server tells of it. */

import { cornerstoneComes } from "../cornerstone/comes";
import { AnalysisSession } from "./analysisSession";
import { fetchKeys, fetchProtocols, fetchStudy, troubleOf, watchStudy, type StudyEvent } from "./server";
import type { SeriesRow, StudyDetail, StudyRow } from "./shapes";
import { SimilarSession } from "./similarSession";
import { UndoLog } from "../logic/undoLog";
import { protocolFor, type Protocol } from "../logic/hanging";
import { useChosenKeys } from "./keys";
import { MarkSession } from "./markSession";
import { useProtocols } from "./protocols";
import { PaneGrid } from "./paneGrid";
import { SegmentSession } from "./segmentSession";
import { useSegments } from "./segmentsStore";
import { activeSeriesUid, openStudy, useViewer } from "./viewerStore";

/** A study does not wait longer than this to know how it is laid out. */
const PROTOCOLS_WITHIN_MS = 1500;
/** A burst of arriving instances is taken in together. */
const GROW_AFTER_MS = 700;

export class StudySession {
  readonly undoLog = new UndoLog((canUndo, canRedo) => { useViewer.setState({ canUndo, canRedo }); });
  readonly grid: PaneGrid;
  readonly marks: MarkSession;
  readonly segments: SegmentSession;
  readonly analyses: AnalysisSession;
  readonly similar: SimilarSession;
  private stopWatching: (() => void) | undefined;
  private readonly grown = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isOver = false;
  private isFollowing = false;
  private isHung = false;
  private readonly protocols: Promise<readonly Protocol[]>;
  private stopFollowing: () => void = () => undefined;
  /** What an address has asked for, until it is there. */
  private wanted: { seriesUid: string; slice: number | undefined } | null = null;

  constructor(
    readonly team: string,
    readonly studyUid: string,
  ) {
    performance.mark("study-open", { detail: { studyInstanceUid: studyUid } });
    void cornerstoneComes().catch(() => undefined);
    this.protocols = Promise.race([fetchProtocols(team).catch(() => []), new Promise<[]>((resolve) => setTimeout(resolve, PROTOCOLS_WITHIN_MS, []))]);
    void fetchKeys().then((chosen) => { useChosenKeys.setState({ chosen }); }).catch(() => undefined);
    openStudy(team);
    this.marks = new MarkSession(team, studyUid, this.undoLog);
    this.segments = new SegmentSession(team, studyUid, this.undoLog);
    this.grid = new PaneGrid(team, this.undoLog, () => {
      performance.mark("first-image", { detail: { studyInstanceUid: studyUid } });
      // Results and marks can wait for the picture.
      void this.marks.load();
      void this.analyses.load();
      void this.loadSegments();
    });
    this.analyses = new AnalysisSession(team, studyUid);
    this.similar = new SimilarSession(team);
    // Subscribe first, then fetch: what happens between the two comes as an event.
    this.stopWatching = watchStudy(team, studyUid, (event) => { this.take(event); });
    void this.load();
  }

  destroy(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.stopWatching?.();
    this.stopWatching = undefined;
    this.analyses.destroy();
    this.similar.destroy();
    this.marks.destroy();
    this.segments.destroy();
    this.stopFollowing();
    this.grid.destroy();
  }

  /** The segmentation that is open is one of the series that is looked at. */
  private async loadSegments(): Promise<void> {
    await this.segments.load();
    if (this.isOver) return;
    const follow = (seriesUid: string | null): void => { if (seriesUid) void this.segments.openFor(seriesUid); };
    follow(activeSeriesUid(useViewer.getState()));
    this.stopFollowing = useViewer.subscribe((now, before) => { if (activeSeriesUid(now) !== activeSeriesUid(before)) follow(activeSeriesUid(now)); });
  }

  /** Opens a segmentation with the series that it is of. */
  async openSegmentation(id: string): Promise<void> {
    const seriesUid = useSegments.getState().rows[id]?.series_instance_uid;
    if (seriesUid && activeSeriesUid(useViewer.getState()) !== seriesUid) await this.grid.open(seriesUid);
    await this.segments.open(id);
  }

  private async load(): Promise<void> {
    try {
      // Which layout it opens in is known as soon as the study is; without an answer it opens plainly.
      const [study, protocols] = await Promise.all([fetchStudy(this.team, this.studyUid), this.protocols]);
      if (this.isOver) return;
      useProtocols.setState({ protocols });
      useViewer.setState({ study: newer(useViewer.getState().study, study), trouble: null });
      this.openFirst();
      if (!study.series.some((series) => series.is_displayable)) void this.analyses.load();
    } catch (error) {
      if (!this.isOver) useViewer.setState({ trouble: troubleOf(error) });
    }
  }

  reload(): void {
    useViewer.setState({ trouble: null });
    void this.load();
  }

  /** Opens a series at a slice, now or as soon as the study is known; a series that is not of the study is passed over. */
  lookAt(seriesUid: string | undefined, slice: number | undefined): void {
    if (!seriesUid) return;
    this.wanted = { seriesUid, slice };
    if (useViewer.getState().study) this.openWanted();
  }

  /** Lays a study out as somebody has wanted it for its kind, when it is opened and nothing else was asked for. */
  private hang(): void {
    const { study } = useViewer.getState();
    if (this.isHung || !study?.series.some((series) => series.is_displayable)) return;
    this.isHung = true;
    const protocol = this.wanted ? null : protocolFor(useProtocols.getState().protocols, study);
    if (protocol) this.grid.begin(protocol.layout);
  }

  private openWanted(): void {
    const { wanted } = this;
    const found = useViewer.getState().study?.series.find((series) => series.series_instance_uid === wanted?.seriesUid);
    if (!wanted || !found?.is_displayable) return;
    this.wanted = null;
    void this.openOrGoOn(wanted.seriesUid, wanted.slice);
  }

  private openFirst(): void {
    this.hang();
    this.openWanted();
    const { study } = useViewer.getState();
    const seriesUid = activeSeriesUid(useViewer.getState());
    const first = study?.series.find((series) => series.is_displayable);
    if (!seriesUid && first) void this.openOrGoOn(first.series_instance_uid);
  }

  /** A first series that cannot be had must not keep the results away. */
  private async openOrGoOn(seriesUid: string, slice?: number): Promise<void> {
    await this.grid.active.open(seriesUid, slice);
    if (useViewer.getState().loading[seriesUid]?.state === "failed" && !this.isOver) void this.analyses.load();
  }

  private take(event: StudyEvent): void {
    switch (event.type) {
      case "instance.stored":
        this.takeRows(event.data.study, event.data.series);
        this.growSoon(event.data.series.series_instance_uid);
        break;
      case "series.changed":
        this.takeRows(event.data.study, event.data.series);
        break;
      case "study.changed":
        this.takeRows(event.data.study, null);
        break;
      case "subscribed":
        // Only the first time: after a break the socket goes on from the last number.
        if (!this.isFollowing) void this.fetchAfresh();
        this.isFollowing = true;
        break;
      case "mark.changed":
        this.marks.take(event.data);
        break;
      case "segmentation.changed":
        this.segments.take(event.data);
        break;
      case "resync":
        void this.fetchAfresh();
        void this.marks.load();
        void this.segments.load();
        break;
      default:
        this.analyses.take(event);
    }
  }

  private takeRows(row: StudyRow, series: SeriesRow | null): void {
    const { study } = useViewer.getState();
    if (!study) return;
    const known = study.series.find((one) => one.series_instance_uid === series?.series_instance_uid);
    const isNew = series && (!known || known.revision <= series.revision);
    const others = study.series.filter((one) => one !== known);
    const all = isNew ? [...others, series].sort(bySeriesNumber) : study.series;
    useViewer.setState({ study: { ...study, ...(row.revision >= study.revision ? row : {}), series: all } });
    if (series && !known) useViewer.setState({ newestSeries: series.series_instance_uid });
    this.openFirst();
  }

  private growSoon(seriesUid: string): void {
    this.grown.add(seriesUid);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const uids = [...this.grown];
      this.grown.clear();
      if (!this.isOver) for (const uid of uids) void this.grid.grow(uid);
    }, GROW_AFTER_MS);
  }

  /** Fetches what events cannot have told: what changed before they began, or while they were lost. */
  private async fetchAfresh(): Promise<void> {
    const before = useViewer.getState().study;
    if (!before) return;
    await this.load();
    const { study } = useViewer.getState();
    for (const { series_instance_uid: uid, revision } of study?.series ?? []) {
      if (before.series.find((one) => one.series_instance_uid === uid)?.revision !== revision) void this.grid.grow(uid);
    }
    if (useViewer.getState().panes.some((pane) => pane.shownImageId)) void this.analyses.load();
  }
}

function bySeriesNumber(a: SeriesRow, b: SeriesRow): number {
  return (a.series_number ?? Infinity) - (b.series_number ?? Infinity) || (a.series_instance_uid < b.series_instance_uid ? -1 : 1);
}

/** An event may have brought a newer row than the answer that was on its way. */
function newer(before: StudyDetail | null, fetched: StudyDetail): StudyDetail {
  return before && before.revision > fetched.revision ? before : fetched;
}
