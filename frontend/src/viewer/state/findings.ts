/** Where the answer that is looked at lies in the stack, and ways to go there. */

import { stackOf, type Frame } from "../logic/frames";
import { frameKey, isSameBox, middleOf, type Box, type Pieces } from "../logic/pieces";
import { foundBoxes, useAnalyses, type AnalysisView } from "./analysesStore";
import { useDisplay } from "./displayStore";
import type { StackSession } from "./stackSession";
import { activeFrames, useViewer } from "./viewerStore";

export const shownView = (): AnalysisView | undefined => {
  const { byJob, shownJob } = useAnalyses.getState();
  return byJob[shownJob];
};

interface Stack {
  frames: readonly Frame[];
  byKey: ReadonlyMap<string, number>;
}
const stacks = new WeakMap<readonly Frame[], Stack>();

function stackFor(frames: readonly Frame[]): Stack {
  const known = stacks.get(frames);
  if (known) return known;
  const ordered = stackOf(frames);
  const byKey = new Map(ordered.map((frame, index) => [frameKey(frame.sopInstanceUid, frame.frameNumber), index]));
  const stack = { frames: ordered, byKey };
  stacks.set(frames, stack);
  return stack;
}

/** Returns the slice of the site's stack that a frame is: as the pieces say, else as it must be; -1 for none. */
export function sliceOf(pieces: Pieces, frames: readonly Frame[], frame: Frame): number {
  const key = frameKey(frame.sopInstanceUid, frame.frameNumber);
  return pieces.byFrame.get(key)?.index ?? stackFor(frames).byKey.get(key) ?? -1;
}

/** Returns the place in the open stack of a slice, counted as the site does; -1 where it is not there. */
export function placeOf(frames: readonly Frame[], slice: number): number {
  const frame = stackFor(frames).frames[slice];
  return frame ? frames.indexOf(frame) : -1;
}

/** Goes to a slice, counted as the site does, of the open series. */
export function goToSlice(stack: StackSession, slice: number): void {
  const place = placeOf(activeFrames(useViewer.getState()), slice);
  if (place >= 0) stack.goTo(place);
}

export const isShown = (box: Box, leastScore: number | null): boolean => box.score >= (leastScore ?? 0);

/** Marks a box and goes to the slice in which its middle lies. */
export function goToBox(stack: StackSession, box: Box): void {
  useDisplay.setState({ selectedBox: box, isVisible: true });
  goToSlice(stack, middleOf(box));
}

/** Goes to the box after or before the marked one, by score. */
export function stepBox(stack: StackSession, step: 1 | -1): void {
  const view = shownView();
  const { selectedBox, leastScore } = useDisplay.getState();
  const boxes = view ? foundBoxes(view).filter((box) => isShown(box, leastScore)) : [];
  const at = selectedBox ? boxes.findIndex((box) => isSameBox(box, selectedBox)) : -1;
  const next = at < 0 ? boxes.at(step > 0 ? 0 : -1) : boxes[at + step];
  if (next) goToBox(stack, next);
}
