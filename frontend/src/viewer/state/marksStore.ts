/** The marks of the open study: as the site keeps them, and what has not reached it yet. Plain values only. */

import { create } from "zustand";

import { contentOf, type MarkContent } from "../logic/marks";
import type { Mark } from "./shapes";

/** A change that has not been saved: what the mark is to be (null: gone), and the revision that it was made from. */
export interface Unsaved {
  revision: number;
  content: MarkContent | null;
  /** Why the site will not have it; "": it has not been asked, or could not be. */
  refused: string;
}

/** Somebody else has changed what was changed here. */
export interface MarkConflict {
  mine: MarkContent | null;
  theirs: Mark;
}

export interface MarksState {
  rows: Readonly<Record<string, Mark>>;
  unsaved: Readonly<Record<string, Unsaved>>;
  conflicts: Readonly<Record<string, MarkConflict>>;
  /** "local": whoever is signed in may only look, so that marks end with the page. */
  status: "saved" | "saving" | "unsaved" | "local";
  areHidden: boolean;
  selected: string | null;
  /** A tool waits for words. */
  asking: { before: string; answer: (text: string) => void } | null;
}

const EMPTY: MarksState = { rows: {}, unsaved: {}, conflicts: {}, status: "saved", areHidden: false, selected: null, asking: null };

export const useMarks = create<MarksState>()(() => EMPTY);

export function resetMarks(): void {
  useMarks.setState(EMPTY);
}

/** A mark as it is shown: with what is not saved yet. */
export interface ShownMark extends MarkContent {
  id: string;
  author: string | null;
  updated_at: string;
  isUnsaved: boolean;
  refused: string;
  hasConflict: boolean;
}

let shown: { of: readonly unknown[]; marks: readonly ShownMark[] } = { of: [], marks: [] };

/** Returns the marks that there are now, the oldest first; the same list until something changes. */
export function marksOf({ rows, unsaved, conflicts }: MarksState): readonly ShownMark[] {
  if (shown.of[0] === rows && shown.of[1] === unsaved && shown.of[2] === conflicts) return shown.marks;
  const ids = new Set([...Object.keys(rows), ...Object.keys(unsaved), ...Object.keys(conflicts)]);
  const marks = [...ids].flatMap((id): ShownMark[] => {
    const [row, change, conflict] = [rows[id], unsaved[id], conflicts[id]];
    const content = change ? change.content : conflict ? conflict.mine ?? contentOf(conflict.theirs as unknown as MarkContent) : row && !row.is_deleted ? contentOf(row as unknown as MarkContent) : null;
    if (!content) return [];
    return [{ ...content, id, author: row?.author ?? null, updated_at: row?.updated_at ?? "", isUnsaved: change !== undefined, refused: change?.refused ?? "", hasConflict: conflict !== undefined }];
  });
  marks.sort((a, b) => order(rows, a.id) - order(rows, b.id));
  shown = { of: [rows, unsaved, conflicts], marks };
  return marks;
}

const order = (rows: MarksState["rows"], id: string): number => {
  const row = rows[id];
  return row ? Date.parse(row.created_at) : Number.MAX_SAFE_INTEGER;
};
