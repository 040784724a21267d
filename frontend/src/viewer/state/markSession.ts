/** Saves what is drawn as it is drawn, takes in what others draw, and loses nothing on the way. */

import type { AnnotationLayer, Drawn } from "../cornerstone/annotationLayer";
import { cornerstoneComes, type Cornerstone } from "../cornerstone/comes";
import { readDrafts, writeDrafts } from "../logic/markDrafts";
import { contentOf, isSameContent, type MarkContent } from "../logic/marks";
import type { UndoLog } from "../logic/undoLog";
import { makeUuid } from "../logic/uuid";
import { marksOf, resetMarks, useMarks, type Unsaved } from "./marksStore";
import { mayAnnotate, userName } from "./rights";
import { changeMarks, detailOf, fetchMarks, restoreMark, wasAnswered } from "./server";
import type { Mark } from "./shapes";
import { activePane, activeSeriesUid, framesOfPane, useViewer } from "./viewerStore";

const SAVE_AFTER_MS = 300;
const RETRY_MS = 4000;
const AT_ONCE = 100;

export class MarkSession {
  private layer: AnnotationLayer | null = null;
  private readonly stopFollowing: (() => void)[];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isSaving = false;
  private isOver = false;
  private readonly mayWrite: boolean;

  constructor(
    private readonly team: string,
    private readonly studyUid: string,
    private readonly undoLog: UndoLog,
  ) {
    resetMarks();
    this.mayWrite = mayAnnotate(team);
    void cornerstoneComes().then((cornerstone) => { if (!this.isOver) this.beginDrawing(cornerstone); }).catch(() => undefined);
    const drafts = readDrafts(localStorage, userName(), team, studyUid);
    useMarks.setState({ unsaved: Object.fromEntries(Object.entries(drafts).map(([id, { revision, content }]) => [id, { revision, content: content as MarkContent | null, refused: "" }])) });
    this.stopFollowing = [
      // What was drawn on a series is seen as soon as its frames are known.
      useViewer.subscribe((now, before) => {
        if (now.frames === before.frames) return;
        this.layer?.setFrames(now.frames);
        this.draw();
      }),
      useMarks.subscribe((now, before) => { if (marksOf(now) !== marksOf(before) || now.areHidden !== before.areHidden) this.draw(); }),
    ];
    window.addEventListener("online", this.online);
    window.addEventListener("pagehide", this.online);
  }

  private beginDrawing({ AnnotationLayer, onTextAsked }: Cornerstone): void {
    onTextAsked((before) => new Promise((resolve) => {
      useMarks.getState().asking?.answer("");
      useMarks.setState({ asking: { before, answer: (text) => { useMarks.setState({ asking: null }); resolve(text); } } });
    }));
    this.layer = new AnnotationLayer({
      onDrawn: (drawn) => { this.drawn(drawn); },
      seriesUid: () => activeSeriesUid(useViewer.getState()) ?? "",
      onSelected: (ids) => { useMarks.setState({ selected: ids[0] ?? null }); },
    });
    this.layer.setFrames(useViewer.getState().frames);
    this.draw();
  }

  destroy(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    window.removeEventListener("online", this.online);
    window.removeEventListener("pagehide", this.online);
    // What is still to be saved goes now; the draft is there if it does not arrive.
    void this.save();
    for (const stop of this.stopFollowing) stop();
    this.layer?.destroy();
  }

  private readonly online = (): void => { void this.save(); };

  /** Fetches the study's marks; what has not been saved stays in front of them. */
  async load(): Promise<void> {
    const rows = await fetchMarks(this.team, this.studyUid).catch(() => null);
    if (!rows || this.isOver) return;
    useMarks.setState(({ rows: known }) => ({
      rows: Object.fromEntries([...Object.values(known), ...rows].sort((a, b) => a.revision - b.revision).map((row) => [row.id, row])),
    }));
    this.soon(0);
  }

  /** Takes a mark as somebody has made it. */
  take(mark: Mark): void {
    const known = useMarks.getState().rows[mark.id];
    if (known && known.revision >= mark.revision) return;
    useMarks.setState(({ rows }) => ({ rows: { ...rows, [mark.id]: mark } }));
  }

  private draw(): void {
    const state = useMarks.getState();
    const marks = marksOf(state).map((mark) => [mark.id, { ...contentOf(mark), is_hidden: mark.is_hidden || state.areHidden }] as const);
    this.layer?.sync(new Map(marks));
  }

  /** Compares what is drawn with what is known, and keeps the difference, as one step that can be undone. */
  private drawn(drawn: Drawn): void {
    const before = new Map(marksOf(useMarks.getState()).map((mark) => [mark.id, contentOf(mark)]));
    const frames = useViewer.getState().frames;
    const changes = new Map<string, MarkContent | null>();
    for (const [id, content] of drawn) {
      const known = before.get(id);
      const hidden = known ? known.is_hidden : content.is_hidden;
      if (!known || !isSameContent(known, { ...content, is_hidden: hidden })) changes.set(id, { ...content, is_hidden: hidden });
      else if (JSON.stringify(known.data.stats) !== JSON.stringify(content.data.stats) && content.data.stats) this.fill(id, content);
    }
    for (const [id, content] of before) {
      const isDrawable = content.kind !== "key" && (content.sop_instance_uid === "" || frames[content.series_instance_uid]);
      if (!drawn.has(id) && isDrawable) changes.set(id, null);
    }
    this.change(changes);
  }

  /** What was measured comes a moment after what was drawn: it is no step of its own. */
  private fill(id: string, content: MarkContent): void {
    const { unsaved } = useMarks.getState();
    const known = unsaved[id];
    if (known?.content) this.keep(id, { ...known.content, data: { ...known.content.data, ...(content.data.stats && { stats: content.data.stats }) } });
  }

  /** Changes marks (null: deletes them), as one step that can be undone. */
  change(changes: ReadonlyMap<string, MarkContent | null>): void {
    if (!changes.size) return;
    const before = new Map(marksOf(useMarks.getState()).map((mark) => [mark.id, contentOf(mark)]));
    const put = (to: (id: string) => MarkContent | null) => (): void => { for (const id of changes.keys()) this.keep(id, to(id)); };
    put((id) => changes.get(id) ?? null)();
    this.undoLog.push({ undo: put((id) => before.get(id) ?? null), redo: put((id) => changes.get(id) ?? null) });
  }

  /** Changes a part of a mark. */
  edit(id: string, change: Partial<MarkContent>): void {
    const mark = marksOf(useMarks.getState()).find((one) => one.id === id);
    if (mark) this.change(new Map([[id, { ...contentOf(mark), ...change }]]));
  }

  remove(ids: readonly string[]): void {
    const known = new Map(marksOf(useMarks.getState()).map((mark) => [mark.id, mark]));
    this.change(new Map(ids.filter((id) => known.has(id) && !known.get(id)?.is_locked).map((id) => [id, null])));
  }

  removeSelected(): void {
    const { selected } = useMarks.getState();
    this.remove(selected ? [selected] : (this.layer?.selected() ?? []));
  }

  select(id: string): void {
    useMarks.setState({ selected: id });
    this.layer?.select(id);
  }

  under(): string | null {
    return this.layer?.under() ?? null;
  }

  /** Makes the frame in the active pane a key image, or takes that back. */
  toggleKey(): void {
    const state = useViewer.getState();
    const pane = activePane(state);
    const frame = framesOfPane(state, pane)[pane.index];
    if (!frame || pane.kind !== "stack" || !pane.seriesUid) return;
    const known = marksOf(useMarks.getState()).find((mark) => mark.kind === "key" && mark.sop_instance_uid === frame.sopInstanceUid && mark.frame_number === frame.frameNumber);
    const made: MarkContent = {
      series_instance_uid: pane.seriesUid, sop_instance_uid: frame.sopInstanceUid, frame_number: frame.frameNumber, frame_of_reference_uid: frame.frameOfReferenceUid,
      kind: "key", space: "image", points: [], data: {}, is_hidden: false, is_locked: false, source: "person", model: "", version: null,
    };
    this.change(new Map([known ? [known.id, null] : [makeUuid(), made]]));
  }

  private keep(id: string, content: MarkContent | null): void {
    useMarks.setState(({ unsaved, rows }) => {
      const revision = unsaved[id]?.revision ?? rows[id]?.revision ?? 0;
      // What was never saved and is gone again is nobody's business.
      if (!content && !rows[id] && !this.isSaving) return { unsaved: without(unsaved, id) };
      return { unsaved: { ...unsaved, [id]: { revision, content, refused: "" } } };
    });
    this.writeDraft();
    this.soon();
  }

  private writeDraft(): void {
    if (this.mayWrite) writeDrafts(localStorage, userName(), this.team, this.studyUid, useMarks.getState().unsaved);
  }

  private soon(ms = SAVE_AFTER_MS): void {
    if (!this.mayWrite) return useMarks.setState({ status: "local" });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { void this.save(); }, ms);
  }

  private async save(): Promise<void> {
    const waiting = Object.entries(useMarks.getState().unsaved).filter(([, { refused }]) => !refused).slice(0, AT_ONCE);
    if (!this.mayWrite || this.isSaving || !waiting.length) return;
    this.isSaving = true;
    useMarks.setState({ status: "saving" });
    try {
      const changes = waiting.map(([id, { revision, content }]) => ({ id, revision, mark: content }));
      const results = await changeMarks(this.team, this.studyUid, changes);
      this.isSaving = false;
      results.forEach((result, place) => {
        const sent = waiting[place]?.[1];
        if (sent) this.settle(result.id, sent, result);
      });
      this.writeDraft();
      const rest = Object.values(useMarks.getState().unsaved).some(({ refused }) => !refused);
      useMarks.setState(({ unsaved }) => ({ status: Object.keys(unsaved).length ? "unsaved" : "saved" }));
      if (rest && !this.isOver) this.soon(0);
    } catch (error) {
      this.isSaving = false;
      useMarks.setState({ status: "unsaved" });
      if (!this.isOver) this.soon(wasAnswered(error) ? RETRY_MS * 4 : RETRY_MS);
    }
  }

  private settle(id: string, sent: Unsaved, { outcome, mark, detail }: { outcome: string; mark: Mark | null; detail: string }): void {
    const { unsaved } = useMarks.getState();
    const isSameStill = unsaved[id] === sent;
    if (mark) this.take(mark);
    if (outcome === "refused") useMarks.setState({ unsaved: { ...unsaved, [id]: { ...sent, refused: detail } } });
    else if (outcome === "conflict" && mark) {
      useMarks.setState(({ conflicts }) => ({ unsaved: without(unsaved, id), conflicts: { ...conflicts, [id]: { mine: (unsaved[id] ?? sent).content, theirs: mark } } }));
    } else if (isSameStill) useMarks.setState({ unsaved: without(unsaved, id) });
    else if (unsaved[id] && mark) useMarks.setState({ unsaved: { ...unsaved, [id]: { ...unsaved[id], revision: mark.revision } } });
  }

  /** Ends a conflict: what was made here goes over what is there now, or gives way to it. */
  resolve(id: string, keepMine: boolean): void {
    const conflict = useMarks.getState().conflicts[id];
    if (!conflict) return;
    useMarks.setState(({ conflicts, unsaved }) => ({
      conflicts: without(conflicts, id),
      unsaved: keepMine ? { ...unsaved, [id]: { revision: conflict.theirs.revision, content: conflict.mine, refused: "" } } : unsaved,
    }));
    this.writeDraft();
    this.soon(0);
  }

  /** Gives up a change that the site will not have. */
  discard(id: string): void {
    useMarks.setState(({ unsaved }) => ({ unsaved: without(unsaved, id) }));
    this.writeDraft();
  }

  /** Brings back an earlier state of a mark; returns why that failed, "" for nothing. */
  async restore(id: string, revision: number): Promise<string> {
    const row = useMarks.getState().rows[id];
    if (!row) return "";
    try {
      this.take(await restoreMark(this.team, this.studyUid, id, { revision, based_on: row.revision }));
      return "";
    } catch (error) {
      return detailOf(error);
    }
  }
}

function without<Value>(all: Readonly<Record<string, Value>>, id: string): Record<string, Value> {
  return Object.fromEntries(Object.entries(all).filter(([key]) => key !== id));
}
