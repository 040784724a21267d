/** A stroke from when the pointer goes down until it is lifted: shown as it is made, one step to undo. */

import { cornerstoneHere } from "../cornerstone/comes";
import type { Vec3 } from "../logic/vectors";
import { openedBits, type Range } from "../segmentation/edits";
import { combined, hasPixel, isSameRuns, runsOf, type Runs } from "../segmentation/runs";
import type { Space } from "../segmentation/space";
import { addStamp, addStroke, type Brush, type Covered } from "../segmentation/strokes";
import type { Change } from "../segmentation/voxels";
import type { SegmentSession } from "../state/segmentSession";
import { useSegments } from "../state/segmentsStore";

export type Fill = "add" | "take";

export const extentOf = (space: Space) => ({ slices: space.frames.length, rows: space.rows, columns: space.columns });

/** Returns the values of a slice; null where it has not come. */
export const valuesIn = (space: Space) => (slice: number): ArrayLike<number> | null => {
  const frame = space.frames[slice];
  return (frame && cornerstoneHere()?.valuesOf(frame.imageId)) ?? null;
};

export class Stroke {
  private readonly bits = new Map<number, Uint8Array>();
  /** How the frames were before, of each segment that the stroke touches. */
  private readonly before = new Map<number, Map<string, Runs>>();
  private last: Vec3 | null = null;
  private readonly range: Range | null;

  constructor(
    private readonly session: SegmentSession,
    private readonly space: Space,
    private readonly number: number,
    private readonly fill: Fill,
    private readonly normal: Vec3,
    private readonly brush: Brush,
  ) {
    const { range } = useSegments.getState();
    this.range = fill === "add" ? range : null;
  }

  /** Goes on to a point of the patient. */
  to(point: Vec3): void {
    const covered: Covered = new Map();
    if (this.last) addStroke(covered, this.space, this.last, point, this.normal, this.brush);
    else addStamp(covered, this.space, point, this.normal, this.brush);
    this.last = point;
    this.cover(covered);
  }

  /** Adds (or takes) what a tool covers, and shows it. */
  cover(covered: Covered): void {
    const own = new Map<string, Runs>();
    const all = new Map<number, Map<string, Runs>>([[this.number, own]]);
    for (const [slice, pixels] of covered) {
      const key = this.space.keys[slice];
      if (key === undefined) continue;
      const known = this.session.voxels.get(this.number, key);
      const bits = this.bits.get(slice) ?? openedBits(known, extentOf(this.space));
      this.bits.set(slice, bits);
      this.paint(bits, pixels, valuesIn(this.space)(slice));
      const runs = runsOf(bits);
      if (isSameRuns(runs, known)) continue;
      own.set(key, runs);
      if (this.fill === "add" && useSegments.getState().isExclusive) this.takeFromOthers(all, key, runs);
    }
    this.remember(this.session.show(all));
  }

  private paint(bits: Uint8Array, pixels: ReadonlySet<number>, values: ArrayLike<number> | null): void {
    const { fill, range } = this;
    for (const pixel of pixels) {
      if (fill === "take") bits[pixel] = 0;
      else if (!range || (values && (values[pixel] ?? NaN) >= range.low && (values[pixel] ?? NaN) <= range.high)) bits[pixel] = 1;
    }
  }

  private takeFromOthers(all: Map<number, Map<string, Runs>>, key: string, runs: Runs): void {
    for (const { number, is_locked: isLocked } of useSegments.getState().segments) {
      if (number === this.number || isLocked) continue;
      const theirs = this.session.voxels.get(number, key);
      const left = theirs.length ? combined(theirs, runs, "subtract") : theirs;
      if (!isSameRuns(left, theirs)) all.set(number, (all.get(number) ?? new Map<string, Runs>()).set(key, left));
    }
  }

  private remember(were: Change): void {
    for (const [number, frames] of were) {
      const own = this.before.get(number) ?? new Map<string, Runs>();
      this.before.set(number, own);
      for (const [key, runs] of frames) if (!own.has(key)) own.set(key, runs);
    }
  }

  /** Makes it a step that is saved and can be undone. */
  end(act: string): void {
    const changed = [...this.before].filter(([, frames]) => frames.size);
    if (changed.length) this.session.noteStroke(act, new Map(changed));
  }

  /** Takes it back: it was the beginning of something else. */
  cancel(): void {
    this.session.show(this.before);
  }
}

/** Says whether a segment has the voxel at a place of the space. */
export function isIn(session: SegmentSession, number: number, { keys, columns }: Space, [column, row, slice]: Vec3): boolean {
  const key = keys[Math.round(slice)];
  return key !== undefined && hasPixel(session.voxels.get(number, key), Math.round(row) * columns + Math.round(column));
}
