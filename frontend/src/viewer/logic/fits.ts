/** Whether a model's version can be run on a series, as far as the page knows; the site has the last word. */

import { stackOf, type Frame } from "./frames";

interface Reader {
  task: string;
  modalities: readonly string[];
  dimensions: number;
  is_colour: boolean;
}

interface Series {
  modality: string;
  number_of_frames: number;
}

export type Obstacle = "generates" | "does_not_read" | "needs_volume" | "needs_colour" | "needs_grey";

/** Returns what stands in the way; null where nothing is known to. `frames` are those of the series, once they are known. */
export function obstacleOf(version: Reader, series: Series, frames: readonly Frame[]): Obstacle | null {
  if (version.task === "generation") return "generates";
  if (version.modalities.length && !version.modalities.includes(series.modality)) return "does_not_read";
  if (version.dimensions === 3 && series.number_of_frames < 2) return "needs_volume";
  const first = frames.length ? stackOf(frames)[0] : undefined;
  if (first && first.isColour !== version.is_colour) return version.is_colour ? "needs_colour" : "needs_grey";
  return null;
}
