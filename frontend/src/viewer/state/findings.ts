/** Where the answer that is looked at lies in the stack, and ways to go there. */

import { placeOf, stackOf, type Frame } from "../logic/frames";
import { frameKey, isSameBox, middleOf, type Box, type Pieces } from "../logic/pieces";
import { foundBoxes, useAnalyses, type AnalysisView } from "./analysesStore";
import { useDisplay } from "./displayStore";
import type { PaneSession } from "./paneSession";
import { activeFrames, useViewer } from "./viewerStore";

export const shownView = (): AnalysisView | undefined => {
  const { byJob, shownJob } = useAnalyses.getState();
  return byJob[shownJob];
};

/** Returns the slice of the site's stack that a frame is: as the pieces say, else as it must be; -1 for none. */
export function sliceOf(pieces: Pieces, frames: readonly Frame[], frame: Frame): number {
  return pieces.byFrame.get(frameKey(frame.sopInstanceUid, frame.frameNumber))?.index ?? stackOf(frames).indexOf(frame);
}

/** Goes to a slice, counted as the site does, of the open series. */
export function goToSlice(pane: PaneSession, slice: number): void {
  const frames = activeFrames(useViewer.getState());
  const place = placeOf(frames, slice);
  const frame = frames[place];
  if (frame) pane.goToFrame(frame.sopInstanceUid, frame.frameNumber);
}

export const isShown = (box: Box, leastScore: number | null): boolean => box.score >= (leastScore ?? 0);

/** Marks a box and goes to the slice in which its middle lies. */
export function goToBox(pane: PaneSession, box: Box): void {
  useDisplay.setState({ selectedBox: box, isVisible: true });
  // On a phone the list lies over the picture.
  useViewer.setState({ drawer: "none" });
  goToSlice(pane, middleOf(box));
}

/** Goes to the box after or before the marked one, by score. */
export function stepBox(pane: PaneSession, step: 1 | -1): void {
  const view = shownView();
  const { selectedBox, leastScore } = useDisplay.getState();
  const boxes = view ? foundBoxes(view).filter((box) => isShown(box, leastScore)) : [];
  const at = selectedBox ? boxes.findIndex((box) => isSameBox(box, selectedBox)) : -1;
  const next = at < 0 ? boxes.at(step > 0 ? 0 : -1) : boxes[at + step];
  if (next) goToBox(pane, next);
}
