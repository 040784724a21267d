/** Which series hold no images that are shown, and can be read or taken over all the same. */

import type { SeriesRow } from "../state/shapes";

/** What can be done with a series that is not shown as images; null: nothing. */
export const kindOfSeries = ({ modality, is_displayable: isShown }: SeriesRow): "seg" | "sr" | null =>
  isShown ? null : modality === "SEG" ? "seg" : modality === "SR" ? "sr" : null;
