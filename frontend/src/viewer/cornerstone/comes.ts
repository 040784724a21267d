/** Cornerstone is most of the page's code. It comes by itself, while the study's first answers are on their way. */

import type * as Chunk from "./chunk";

export type Cornerstone = typeof Chunk;

let here: Cornerstone | null = null;
let coming: Promise<Cornerstone> | undefined;

/** Fetches and starts Cornerstone, once; what could not be fetched is fetched again when it is next asked for. */
export function cornerstoneComes(): Promise<Cornerstone> {
  coming ??= fetchIt().catch((error: unknown) => {
    coming = undefined;
    throw error;
  });
  return coming;
}

async function fetchIt(): Promise<Cornerstone> {
  const chunk = await import("./chunk");
  chunk.setUp();
  here = chunk;
  return chunk;
}

/** Returns Cornerstone where it has come; before that there is nothing drawn that could be asked about. */
export const cornerstoneHere = (): Cornerstone | null => here;
