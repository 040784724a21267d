/** What a running model has said so far of each frame. A piece that comes twice changes nothing. */

import type { Packed } from "./layers";

export interface Piece {
  /** Place in the stack as the site counts it, from 0. */
  index: number;
  sopInstanceUid: string;
  frame: number;
  /** Of the positive classes, of the best box, the anomaly's score, or the part of the slice that is marked. */
  probability: number;
  /** Each class's, where the model tells classes apart. */
  probabilities: readonly number[];
  boxes: readonly Box[];
  /** The pictures over the slice as they came; null where the piece is known from the kept result alone. */
  packed: Packed | null;
}

/** A box in the stack, in voxel edges (slice, row, column): voxel i reaches from i to i + 1. */
export interface Box {
  label: string;
  low: readonly number[];
  high: readonly number[];
  score: number;
}

export interface Pieces {
  /** How many frames the model will speak of. */
  count: number;
  byFrame: ReadonlyMap<string, Piece>;
}

export const NO_PIECES: Pieces = { count: 0, byFrame: new Map() };

export const frameKey = (sopInstanceUid: string, frame: number): string => `${sopInstanceUid}/${frame}`;

/** Returns the pieces with the new ones; the same object when they bring nothing new. */
export function withPieces(pieces: Pieces, count: number, added: readonly Piece[]): Pieces {
  const fresh = added.filter((piece) => {
    const known = pieces.byFrame.get(frameKey(piece.sopInstanceUid, piece.frame));
    return !known || (!known.packed && piece.packed !== null);
  });
  const total = Math.max(pieces.count, count);
  if (!fresh.length && total === pieces.count) return pieces;
  const byFrame = new Map(pieces.byFrame);
  for (const piece of fresh) byFrame.set(frameKey(piece.sopInstanceUid, piece.frame), piece);
  return { count: total, byFrame };
}

/** Returns the frame with the highest probability, or null before the first piece. */
export function highest(pieces: Pieces): Piece | null {
  let best: Piece | null = null;
  for (const piece of pieces.byFrame.values()) if (!best || piece.probability > best.probability) best = piece;
  return best;
}

/** Returns each frame's probability in the stack's order; NaN where the model has not spoken yet. */
export function probabilities(pieces: Pieces, keys: readonly string[]): Float32Array {
  return Float32Array.from(keys, (key) => pieces.byFrame.get(key)?.probability ?? Number.NaN);
}

const boxesBefore = new WeakMap<Pieces, readonly Box[]>();

/** Returns all boxes so far, the best first. */
export function boxesOf(pieces: Pieces): readonly Box[] {
  const known = boxesBefore.get(pieces);
  if (known) return known;
  const boxes = sorted([...pieces.byFrame.values()].flatMap((piece) => piece.boxes));
  boxesBefore.set(pieces, boxes);
  return boxes;
}

export const sorted = (boxes: readonly Box[]): Box[] => [...boxes].sort((a, b) => b.score - a.score);

/** The same box, told twice, is another object, and what is kept is rounded. */
export function isSameBox(a: Box, b: Box): boolean {
  const [one, other] = [a, b].map(({ low, high, score }) => [...low, ...high, score]);
  return a.label === b.label && (one ?? []).every((value, place) => Math.abs(value - (other?.[place] ?? Number.NaN)) < 2e-3);
}

/** Says whether a box reaches over a slice. What reaches into it by less than a thousandth does not. */
export function isOnSlice(box: Box, index: number): boolean {
  return index + 1 > (box.low[0] ?? 0) + 1e-3 && index < (box.high[0] ?? 0) - 1e-3;
}

/** Returns the slice in which a box's middle lies. */
export const middleOf = (box: Box): number => Math.max(0, Math.ceil(((box.low[0] ?? 0) + (box.high[0] ?? 0)) / 2) - 1);
