/** Saves what is painted as it is painted, takes in what others paint, and loses nothing on the way. */

import { forget, keep, kept } from "../logic/kept";
import { colourOf } from "../logic/segments";
import type { UndoLog } from "../logic/undoLog";
import { makeUuid } from "../logic/uuid";
import { readDocument, writeDocument, type ChangeHeader, type FrameName, type SegmentContent } from "../segmentation/document";
import type { Runs } from "../segmentation/runs";
import { Voxels, type Change, type Kept } from "../segmentation/voxels";
import { mayAnnotate, userName } from "./rights";
import { closedSegmentation, resetSegments, rowsOf, useSegments, type SegmentState } from "./segmentsStore";
import { createSegmentation, detailOf, editSegmentation, fetchSegmentations, fetchVoxels, restoreSegmentation, sendVoxels, wasAnswered } from "./server";
import type { SegmentationChanged, SegmentationRow } from "./shapes";

const SAVE_AFTER_MS = 400;
const RETRY_MS = 3000;
const MOST_AT_ONCE = 20_000;

interface Draft {
  segments: SegmentState[];
  /** Numbers of segments that were changed here; those that are not in `segments` are to be deleted. */
  changed: number[];
  frames: Kept[];
}

export class SegmentSession {
  readonly voxels = new Voxels();
  /** Segments that have been changed here, with the revision that they were made from. */
  private readonly changed = new Map<number, number>();
  private readonly ownChanges = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private refetching: ReturnType<typeof setTimeout> | undefined;
  private isSaving = false;
  private isOver = false;
  private act = "brush";
  readonly mayWrite: boolean;

  constructor(
    readonly team: string,
    readonly studyUid: string,
    private readonly undoLog: UndoLog,
  ) {
    resetSegments();
    this.mayWrite = mayAnnotate(team);
    window.addEventListener("online", this.online);
  }

  destroy(): void {
    this.isOver = true;
    window.removeEventListener("online", this.online);
    clearTimeout(this.timer);
    clearTimeout(this.refetching);
    void this.save();
  }

  private readonly online = (): void => { void this.save(); };

  private at(id: string): { team: string; study_uid: string; segmentation_id: string } {
    return { team: this.team, study_uid: this.studyUid, segmentation_id: id };
  }

  private get draftKey(): string {
    return `segments/${userName()}/${this.team}/${useSegments.getState().openId ?? ""}`;
  }

  /** Fetches which segmentations there are. */
  async load(): Promise<void> {
    const rows = await fetchSegmentations(this.team, this.studyUid).catch(() => null);
    if (!rows || this.isOver) return;
    for (const row of rows) this.takeRow(row);
  }

  private takeRow(row: SegmentationRow): void {
    useSegments.setState(({ rows }) => ({ rows: { ...rows, [row.id]: row } }));
    if (row.is_deleted && useSegments.getState().openId === row.id) this.close();
  }

  /** Opens the newest segmentation of a series where none is open. */
  async openFor(seriesUid: string): Promise<void> {
    const { openId, rows } = useSegments.getState();
    if (openId && rows[openId]?.series_instance_uid === seriesUid) return;
    const newest = rowsOf(useSegments.getState()).filter((row) => row.series_instance_uid === seriesUid).at(-1);
    if (newest) await this.open(newest.id);
    else if (openId) this.close();
  }

  async open(id: string): Promise<void> {
    await this.save();
    this.close();
    useSegments.setState({ openId: id, isOpening: true });
    try {
      await this.fetch(id);
      await this.takeDraft();
      const { segments } = useSegments.getState();
      useSegments.setState({ active: segments[0]?.number ?? 0 });
    } catch (error) {
      useSegments.setState({ ...closedSegmentation(), trouble: detailOf(error) });
    }
    useSegments.setState({ isOpening: false });
  }

  close(): void {
    this.voxels.clear();
    this.changed.clear();
    useSegments.setState(({ version }) => ({ ...closedSegmentation(), version: version + 1 }));
  }

  private async fetch(id: string): Promise<void> {
    const { header, runs } = await readDocument(await fetchVoxels(this.at(id)));
    if (this.isOver || useSegments.getState().openId !== id) return;
    this.voxels.take(header.slices.map(([number, place, base], at): Kept => {
      const [uid, frame] = header.frames[place] ?? ["", 0];
      return { number, key: `${uid}/${frame}`, runs: runs[at] ?? new Uint32Array(), base };
    }));
    const { segments } = useSegments.getState();
    const mine = segments.filter(({ number }) => this.changed.has(number));
    const theirs = header.segments.filter(({ number }) => !this.changed.has(number));
    useSegments.setState(({ version, rows }) => ({
      segments: [...theirs, ...mine].sort((a, b) => a.number - b.number),
      version: version + 1,
      rows: rows[id] ? { ...rows, [id]: { ...rows[id], revision: header.revision } } : rows,
    }));
    this.tellConflicts();
  }

  /** Takes up what an earlier page could not save. */
  private async takeDraft(): Promise<void> {
    const draft = (await kept(this.draftKey)) as Draft | null;
    if (!draft || this.isOver) return;
    const current = new Map(useSegments.getState().segments.map((one) => [one.number, one]));
    for (const number of draft.changed) {
      const own = draft.segments.find((one) => one.number === number);
      this.changed.set(number, own?.revision ?? current.get(number)?.revision ?? 0);
      if (own) current.set(number, own);
      else current.delete(number);
    }
    const onSite = new Map(draft.frames.map((one) => [`${one.number}|${one.key}`, this.baseOf(one)]));
    this.voxels.put(byNumber(draft.frames));
    // Made from an older state than the site's: both have changed it.
    const theirs = draft.frames.filter((one) => (onSite.get(`${one.number}|${one.key}`)?.base ?? 0) > one.base).map((one) => onSite.get(`${one.number}|${one.key}`)).filter((one) => one !== undefined);
    this.voxels.rebase(draft.frames, theirs);
    useSegments.setState(({ version }) => ({ segments: [...current.values()].sort((a, b) => a.number - b.number), version: version + 1 }));
    this.tellConflicts();
    this.soon(0);
  }

  private baseOf({ number, key }: Kept): Kept {
    return this.voxels.entry(number, key);
  }

  // --- what readers do --------------------------------------------------------------------------------------------

  /** Makes a segmentation of a series, and opens it; from a result, with its mask. */
  async create(seriesUid: string, title: string, from?: string): Promise<void> {
    await this.save();
    try {
      const row = await createSegmentation(this.team, this.studyUid, { id: makeUuid(), series_instance_uid: seriesUid, title, ...(from && { from_annotation_set: from }) });
      this.takeRow(row);
      await this.open(row.id);
    } catch (error) {
      useSegments.setState({ trouble: detailOf(error) });
    }
  }

  async rename(title: string): Promise<void> {
    await this.edit({ title });
  }

  async remove(): Promise<void> {
    await this.save();
    await this.edit({ is_deleted: true });
  }

  private async edit(words: { title?: string; is_deleted?: boolean }): Promise<void> {
    const { openId, rows } = useSegments.getState();
    const row = openId && rows[openId];
    if (!row) return;
    await editSegmentation(this.at(row.id), { based_on: row.revision, ...words }).then(
      (changed) => { this.takeRow(changed); },
      (error: unknown) => { useSegments.setState({ trouble: detailOf(error) }); },
    );
  }

  /** Goes back to an earlier state, as a new one. */
  async restore(revision: number): Promise<string> {
    const { openId, rows } = useSegments.getState();
    const row = openId && rows[openId];
    if (!row) return "";
    await this.save();
    try {
      const based = useSegments.getState().rows[row.id]?.revision ?? row.revision;
      this.takeRow(await restoreSegmentation(this.at(row.id), { revision, based_on: based }));
      await this.fetch(row.id);
      return "";
    } catch (error) {
      return detailOf(error);
    }
  }

  /** Adds a segment, as a step that can be undone. */
  addSegment(content: Partial<SegmentContent> & { label: string }): number {
    const { segments } = useSegments.getState();
    const number = Math.max(0, ...segments.map((one) => one.number), ...this.changed.keys()) + 1;
    const made: SegmentState = {
      number, revision: 0, color: colourOf(number).toLowerCase(), opacity: 0.5, is_hidden: false, is_locked: false, category: null, type: null, region: null,
      algorithm: "MANUAL", model: "", ...content,
    };
    this.step("edit", [...segments, made], new Map());
    useSegments.setState({ active: number });
    return number;
  }

  editSegment(number: number, change: Partial<SegmentContent>, key?: string): void {
    const { segments } = useSegments.getState();
    this.step("edit", segments.map((one) => (one.number === number ? { ...one, ...change } : one)), new Map(), key && `segment/${number}/${key}`);
  }

  removeSegment(number: number): void {
    const { segments } = useSegments.getState();
    const empty = new Map([...this.voxels.framesOf(number).keys()].map((key) => [key, new Uint32Array() as Runs]));
    this.step("edit", segments.filter((one) => one.number !== number), new Map([[number, empty]]));
  }

  /** Changes frames of segments, as one step that can be undone. */
  change(act: string, frames: Change): void {
    this.step(act, useSegments.getState().segments, frames);
  }

  private step(act: string, segments: readonly SegmentState[], frames: Change, key?: string): void {
    const before = { segments: useSegments.getState().segments, frames: this.voxels.put(frames, false) };
    this.noteStep(act, before, { segments, frames }, key);
  }

  /** Takes note of a stroke that has been shown as it was made: how frames were before. */
  noteStroke(act: string, before: Change): void {
    const { segments } = useSegments.getState();
    const after = new Map([...before].map(([number, frames]) => [number, new Map([...frames.keys()].map((one) => [one, this.voxels.get(number, one)]))]));
    this.noteStep(act, { segments, frames: before }, { segments, frames: after });
  }

  /** Shows frames while a stroke goes on. */
  show(frames: Change): Change {
    const before = this.voxels.put(frames, false);
    useSegments.setState(({ version }) => ({ version: version + 1 }));
    return before;
  }

  private noteStep(act: string, before: { segments: readonly SegmentState[]; frames: Change }, after: { segments: readonly SegmentState[]; frames: Change }, key?: string): void {
    const { openId } = useSegments.getState();
    const put = (how: string, state: typeof before) => (): void => {
      if (useSegments.getState().openId !== openId) return;
      this.act = how;
      this.voxels.put(state.frames);
      this.putSegments(state.segments);
      this.keepDraft();
      this.soon();
    };
    put(act, after)();
    this.undoLog.push({ undo: put("undo", before), redo: put("redo", after), ...(key && { key }) });
  }

  private putSegments(segments: readonly SegmentState[]): void {
    const before = new Map(useSegments.getState().segments.map((one) => [one.number, one]));
    const after = new Map(segments.map((one) => [one.number, one]));
    for (const number of new Set([...before.keys(), ...after.keys()])) {
      const [was, is] = [before.get(number), after.get(number)];
      if (!isSame(was, is)) this.changed.set(number, this.changed.get(number) ?? was?.revision ?? 0);
    }
    // A step that is undone must not bring back an older revision of the site's.
    const revised = segments.map((one) => {
      const revision = before.get(one.number)?.revision ?? one.revision;
      return revision === one.revision ? one : { ...one, revision };
    });
    useSegments.setState(({ version, active }) => ({ segments: revised.sort((a, b) => a.number - b.number), version: version + 1, active: after.has(active) ? active : (segments[0]?.number ?? 0) }));
  }

  // --- saving -----------------------------------------------------------------------------------------------------

  private keepDraft(): void {
    if (!this.mayWrite) return;
    const { segments } = useSegments.getState();
    const draft: Draft = { segments: [...segments], changed: [...this.changed.keys()], frames: this.voxels.dirty(MOST_AT_ONCE) };
    void keep(this.draftKey, draft);
  }

  private soon(ms = SAVE_AFTER_MS): void {
    if (!this.mayWrite) return useSegments.setState({ status: "local" });
    useSegments.setState({ status: "saving" });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { void this.save(); }, ms);
  }

  private async save(): Promise<void> {
    const { openId, segments } = useSegments.getState();
    const frames = this.voxels.dirty(MOST_AT_ONCE);
    if (!openId || !this.mayWrite || this.isSaving || (!frames.length && !this.changed.size)) return;
    this.isSaving = true;
    const sent = new Map([...this.changed.keys()].map((number) => [number, segments.find((one) => one.number === number)]));
    const header = this.headerOf(frames, sent);
    this.ownChanges.add(header.change);
    try {
      const answer = await sendVoxels(this.at(openId), await writeDocument(header, frames.map(({ runs }) => runs)));
      this.isSaving = false;
      if (useSegments.getState().openId === openId) await this.settle(openId, answer, frames, sent);
    } catch (error) {
      this.isSaving = false;
      if (useSegments.getState().openId !== openId) return;
      useSegments.setState({ status: "unsaved", trouble: wasAnswered(error) ? detailOf(error) : "" });
      if (!this.isOver) this.timer = setTimeout(() => { void this.save(); }, wasAnswered(error) ? RETRY_MS * 4 : RETRY_MS);
    }
  }

  private headerOf(frames: readonly Kept[], sent: ReadonlyMap<number, SegmentState | undefined>): ChangeHeader {
    const names = [...new Set(frames.map(({ key }) => key))];
    const places = new Map(names.map((key, place) => [key, place]));
    return {
      change: makeUuid(),
      act: this.act,
      frames: names.map((key): FrameName => [key.slice(0, key.lastIndexOf("/")), Number(key.slice(key.lastIndexOf("/") + 1))]),
      slices: frames.map(({ number, key, runs, base }) => [number, places.get(key) ?? 0, base, runs.length / 2]),
      segments: [...sent].map(([number, own]) => {
        const base_revision = this.changed.get(number) ?? 0;
        return own ? { ...own, base_revision } : { number, deleted: true, base_revision };
      }),
    };
  }

  private async settle(id: string, answer: { outcome: string; revision: number; conflicts: readonly { segment: number; sop_instance_uid: string }[] }, frames: readonly Kept[], sent: ReadonlyMap<number, SegmentState | undefined>): Promise<void> {
    if (answer.outcome === "conflict") {
      // Whoever was first keeps the name of a segment; of voxels both are shown.
      for (const { segment, sop_instance_uid: uid } of answer.conflicts) if (!uid) this.changed.delete(segment);
      await this.fetch(id);
    } else {
      this.voxels.saved(frames, answer.revision);
      useSegments.setState(({ segments, rows }) => ({
        segments: segments.map((one) => (sent.get(one.number) === one ? { ...one, revision: answer.revision } : one)),
        rows: rows[id] ? { ...rows, [id]: { ...rows[id], revision: Math.max(rows[id].revision, answer.revision), number_of_segments: segments.length } } : rows,
      }));
      for (const [number, own] of sent) {
        const now = useSegments.getState().segments.find((one) => one.number === number);
        if (own === undefined ? now === undefined : now?.revision === answer.revision) this.changed.delete(number);
        else this.changed.set(number, answer.revision);
      }
    }
    const isLeft = this.changed.size > 0 || this.voxels.isDirty;
    useSegments.setState({ status: isLeft ? "unsaved" : "saved", trouble: "" });
    if (isLeft) this.keepDraft();
    else void forget(this.draftKey);
    if (!this.isOver && (this.changed.size || this.voxels.dirty(1).length)) this.soon(0);
  }

  /** Takes in what somebody has changed. */
  take({ segmentation, change, touched }: SegmentationChanged): void {
    this.takeRow(segmentation);
    if (change && this.ownChanges.has(change)) return;
    if (useSegments.getState().openId !== segmentation.id || touched?.length === 0) return;
    clearTimeout(this.refetching);
    this.refetching = setTimeout(() => { void this.fetch(segmentation.id).catch(() => undefined); }, 150);
  }

  private tellConflicts(): void {
    const count = this.voxels.conflicts;
    const { rows, openId } = useSegments.getState();
    useSegments.setState({ conflict: count ? { by: rows[openId ?? ""]?.updated_by ?? "", count } : null });
  }

  /** Ends a conflict: what was made here goes over what is there now, or gives way to it. */
  resolve(keepMine: boolean): void {
    this.voxels.resolve(keepMine);
    useSegments.setState(({ version }) => ({ conflict: null, version: version + 1 }));
    this.keepDraft();
    this.soon(0);
  }
}

const isSame = (a: SegmentState | undefined, b: SegmentState | undefined): boolean => JSON.stringify({ ...a, revision: 0 }) === JSON.stringify({ ...b, revision: 0 }) && !a === !b;

function byNumber(frames: readonly Kept[]): Change {
  const found = new Map<number, Map<string, Runs>>();
  for (const { number, key, runs } of frames) found.set(number, (found.get(number) ?? new Map<string, Runs>()).set(key, runs));
  return found;
}
