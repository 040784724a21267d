/** How results are shown over the picture. Plain values only. */

import { create } from "zustand";

import type { Box } from "../logic/pieces";
import { defaultStyle, type SegmentStyle } from "../logic/segments";

export const LOOKS = ["original", "reconstruction", "difference"] as const;
export type Look = (typeof LOOKS)[number];

export interface DisplayState {
  /** Whether maps, masks and boxes lie over the picture. */
  isVisible: boolean;
  opacity: number;
  /** A mask's segments are filled; else there are their outlines alone. */
  isFilled: boolean;
  /** What somebody has chosen for segments, by name. */
  styles: Readonly<Record<string, Partial<SegmentStyle>>>;
  /** Boxes of a lower score are not shown; null: all that the model gave. */
  leastScore: number | null;
  selectedBox: Box | null;
  /** What is seen of an autoencoder's answer. */
  look: Look;
  isSideBySide: boolean;
}

export const useDisplay = create<DisplayState>()(() => ({
  isVisible: true,
  opacity: 0.55,
  isFilled: true,
  styles: {},
  leastScore: null,
  selectedBox: null,
  look: "original",
  isSideBySide: false,
}));

/** Forgets what belongs to one answer only; tastes stay. */
export function resetDisplay(): void {
  useDisplay.setState({ leastScore: null, selectedBox: null, look: "original" });
}

export const styleOf = (styles: DisplayState["styles"], label: string, number: number): SegmentStyle => ({
  ...defaultStyle(number),
  ...styles[label],
});

export function setStyle(label: string, change: Partial<SegmentStyle>): void {
  useDisplay.setState(({ styles }) => ({ styles: { ...styles, [label]: { ...styles[label], ...change } } }));
}
