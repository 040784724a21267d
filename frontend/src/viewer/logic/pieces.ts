/** What a running model has said so far of each frame. A piece that comes twice changes nothing. */

export interface Piece {
  index: number;
  sopInstanceUid: string;
  frame: number;
  probability: number;
  map: ActivationMap | null;
}

/** What the model looked at: rows × columns of 0…255 over a box of the frame. */
export interface ActivationMap {
  rows: number;
  columns: number;
  values: Uint8Array;
  /** First row, first column, end row, end column of the box, in pixels of the frame. */
  region: readonly [number, number, number, number];
  /** What 255 means. */
  scale: number;
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
    return !known || (!known.map && piece.map !== null);
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

/** Undoes the transport's encoding of a map. "deflate" is a zlib stream (RFC 1950). */
export async function unpack(payload: Uint8Array, encoding: string): Promise<Uint8Array> {
  if (encoding !== "deflate") return payload;
  const stream = new Blob([payload as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
