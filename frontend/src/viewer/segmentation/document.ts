/** A segmentation's voxels as they travel between page and site: `annotations/segmentations/document.py` says how. */

import type { Runs } from "./runs";

export interface Code {
  value: string;
  scheme: string;
  meaning: string;
}

/** What a segment says of itself. */
export interface SegmentContent {
  label: string;
  /** #rrggbb */
  color: string;
  opacity: number;
  is_hidden: boolean;
  is_locked: boolean;
  category: Code | null;
  type: Code | null;
  region: Code | null;
  algorithm: "MANUAL" | "SEMIAUTOMATIC" | "AUTOMATIC";
  model: string;
}

/** [SOP Instance UID, frame number]. */
export type FrameName = readonly [string, number];
/** [segment number, place in `frames`, revision, number of runs]. */
export type Entry = readonly [number, number, number, number];

export interface Header {
  id: string;
  series_instance_uid: string;
  revision: number;
  rows: number;
  columns: number;
  frames: readonly FrameName[];
  segments: readonly (SegmentContent & { number: number; revision: number })[];
  slices: readonly Entry[];
}

export interface ChangeHeader {
  change: string;
  act: string;
  segments: readonly ((SegmentContent & { number: number; base_revision: number }) | { number: number; deleted: true; base_revision: number })[];
  frames: readonly FrameName[];
  slices: readonly Entry[];
}

async function through(bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream): Promise<ArrayBuffer> {
  const writer = stream.writable.getWriter();
  // Both ends at once: neither waits for the other.
  void writer.write(bytes).then(() => writer.close()).catch(() => undefined);
  return new Response(stream.readable as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer();
}

/** Returns a document's header, and the runs of each of its `slices`, in their order. */
export async function readDocument(packed: ArrayBuffer): Promise<{ header: Header; runs: Runs[] }> {
  const raw = await through(new Uint8Array(packed), new DecompressionStream("deflate"));
  const length = new DataView(raw).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(raw, 4, length))) as Header;
  let at = 4 + length;
  const runs = header.slices.map(([, , , count]) => {
    const own = new Uint32Array(raw, at, count * 2);
    at += count * 8;
    return own;
  });
  return { header, runs };
}

/** Returns a change as the site takes it. */
export async function writeDocument(header: ChangeHeader, runs: readonly Runs[]): Promise<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = text.length + ((4 - (text.length % 4)) % 4);
  const size = 4 + length + runs.reduce((sum, own) => sum + own.byteLength, 0);
  const raw = new Uint8Array(size).fill(32, 0, 4 + length);
  new DataView(raw.buffer).setUint32(0, length, true);
  raw.set(text, 4);
  let at = 4 + length;
  for (const own of runs) {
    raw.set(new Uint8Array(own.buffer, own.byteOffset, own.byteLength), at);
    at += own.byteLength;
  }
  return through(raw, new CompressionStream("deflate"));
}
