/** The voxels of the open segmentation, by segment and frame, with the site's revision of each and what has not been saved. */

import { NO_RUNS, isSameRuns, type Runs } from "./runs";

interface Entry {
  runs: Runs;
  /** The revision that it was made from. */
  base: number;
  isDirty: boolean;
  /** Somebody else's, where both have changed it. */
  theirs: { runs: Runs; revision: number } | null;
}

/** One frame of one segment. */
export interface Kept {
  number: number;
  key: string;
  runs: Runs;
  base: number;
}

/** Frames of segments: number → frame's key → runs. */
export type Change = ReadonlyMap<number, ReadonlyMap<string, Runs>>;

export class Voxels {
  private readonly segments = new Map<number, Map<string, Entry>>();

  get(number: number, key: string): Runs {
    return this.segments.get(number)?.get(key)?.runs ?? NO_RUNS;
  }

  /** Returns the frames of a segment that have voxels. */
  framesOf(number: number): Map<string, Runs> {
    const frames = [...(this.segments.get(number) ?? [])].filter(([, { runs }]) => runs.length);
    return new Map(frames.map(([key, { runs }]) => [key, runs]));
  }

  /** Sets frames as somebody here has made them; returns how they were. */
  put(change: Change, isDirty = true): Change {
    const before = new Map<number, Map<string, Runs>>();
    for (const [number, frames] of change) {
      const own = this.segments.get(number) ?? new Map<string, Entry>();
      this.segments.set(number, own);
      before.set(number, new Map([...frames.keys()].map((key) => [key, own.get(key)?.runs ?? NO_RUNS])));
      for (const [key, runs] of frames) {
        const known = own.get(key);
        own.set(key, { runs, base: known?.base ?? 0, isDirty: isDirty || (known?.isDirty ?? false), theirs: known?.theirs ?? null });
      }
    }
    return before;
  }

  /** Takes what the site has; what has been changed here stays, and what both have changed is noted as such. */
  take(theirs: readonly Kept[]): void {
    const named = new Set<Entry>();
    for (const { number, key, runs, base } of theirs) {
      const own = this.segments.get(number) ?? new Map<string, Entry>();
      this.segments.set(number, own);
      const known = own.get(key);
      if (!known || (!known.isDirty && !known.theirs)) own.set(key, { runs, base, isDirty: false, theirs: null });
      else if (isSameRuns(known.runs, runs)) own.set(key, { runs, base, isDirty: false, theirs: null });
      else if (base > known.base) known.theirs = { runs, revision: base };
      const entry = own.get(key);
      if (entry) named.add(entry);
    }
    // What the site no longer has is empty there.
    for (const own of this.segments.values()) {
      for (const [key, entry] of own) if (!named.has(entry) && !entry.isDirty && !entry.theirs) own.delete(key);
    }
  }

  /** Returns a frame of a segment with the revision that it was made from. */
  entry(number: number, key: string): Kept {
    const { runs = NO_RUNS, base = 0 } = this.segments.get(number)?.get(key) ?? {};
    return { number, key, runs, base };
  }

  /** Takes note of what drafts were made from, and of what the site has made of it since. */
  rebase(drafts: readonly Kept[], theirs: readonly Kept[]): void {
    for (const { number, key, base } of drafts) {
      const entry = this.segments.get(number)?.get(key);
      if (entry) entry.base = base;
    }
    for (const { number, key, runs, base } of theirs) {
      const entry = this.segments.get(number)?.get(key);
      if (entry && !isSameRuns(entry.runs, runs)) entry.theirs = { runs, revision: base };
      else if (entry) [entry.base, entry.isDirty] = [base, false];
    }
  }

  /** Returns what is to be saved, without what somebody has to decide on first. */
  dirty(most: number): Kept[] {
    const found: Kept[] = [];
    for (const [number, own] of this.segments) {
      for (const [key, { runs, base, isDirty, theirs }] of own) {
        if (isDirty && !theirs && found.length < most) found.push({ number, key, runs, base });
      }
    }
    return found;
  }

  get isDirty(): boolean {
    return [...this.segments.values()].some((own) => [...own.values()].some(({ isDirty }) => isDirty));
  }

  /** Takes note of what the site has taken as its revision. */
  saved(sent: readonly Kept[], revision: number): void {
    for (const { number, key, runs } of sent) {
      const entry = this.segments.get(number)?.get(key);
      if (!entry) continue;
      entry.base = revision;
      if (entry.runs === runs) entry.isDirty = false;
    }
  }

  /** How many frames both have changed. */
  get conflicts(): number {
    return [...this.segments.values()].reduce((sum, own) => sum + [...own.values()].filter(({ theirs }) => theirs).length, 0);
  }

  /** Ends all conflicts: mine goes over theirs, or gives way to it. */
  resolve(keepMine: boolean): void {
    for (const own of this.segments.values()) {
      for (const [key, entry] of own) {
        if (!entry.theirs) continue;
        const { runs, revision } = entry.theirs;
        own.set(key, { runs: keepMine ? entry.runs : runs, base: revision, isDirty: keepMine, theirs: null });
      }
    }
  }

  clear(): void {
    this.segments.clear();
  }
}
