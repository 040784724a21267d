/** Where a segment is, as far as it is to be looked at: the frame on which it is largest, and its middle there. */

import { volumeStack } from "../logic/cuts";
import type { Vec3 } from "../logic/vectors";
import { spaceOfStack } from "../paint/segmentPainter";
import { countOf } from "../segmentation/runs";
import { toPatient, type Space } from "../segmentation/space";
import type { SegmentSession } from "../state/segmentSession";
import { activePane, framesOfPane, useViewer } from "../state/viewerStore";
import { slicesOf } from "./whole";

/** Returns the space of the active pane's series. */
export function activeSpace(): Space {
  const state = useViewer.getState();
  const pane = activePane(state);
  return spaceOfStack(volumeStack(framesOfPane(state, pane), pane.phase));
}

export function middleOf(session: SegmentSession, number: number): { sopInstanceUid: string; frameNumber: number; point: Vec3 } | null {
  const space = activeSpace();
  let [best, most] = [-1, 0];
  for (const [slice, runs] of slicesOf(session, number, space)) if (countOf(runs) > most) [best, most] = [slice, countOf(runs)];
  const [frame, key] = [space.frames[best], space.keys[best]];
  if (!frame || key === undefined) return null;
  const runs = session.voxels.get(number, key);
  let [columns, rows] = [0, 0];
  for (let at = 0; at < runs.length; at += 2) {
    const [start, length] = [runs[at] ?? 0, runs[at + 1] ?? 0];
    columns += ((start % space.columns) + (length - 1) / 2) * length;
    rows += Math.floor(start / space.columns) * length;
  }
  return { sopInstanceUid: frame.sopInstanceUid, frameNumber: frame.frameNumber, point: toPatient(space, [columns / most, rows / most, best]) };
}
