/** Where another stack stands when one has been scrolled: at the same place of the body, else as many images on. */

import type { Frame } from "./frames";
import { cross, dot, type Vec3 } from "./vectors";

const normalOf = ({ orientation }: Frame): Vec3 | null => (orientation ? cross(orientation.row, orientation.column) : null);

/**
 * Returns the frame of a stack that lies nearest to a frame of another; null where the two cannot be compared: they are of
 * different frames of reference (another examination), or not parallel.
 */
export function nearestPlace(to: Frame | undefined, stack: readonly Frame[]): number | null {
  const first = stack[0];
  const [a, b] = [to && normalOf(to), first && normalOf(first)];
  if (!to?.position || !first?.position || !a || !b) return null;
  if (!to.frameOfReferenceUid || to.frameOfReferenceUid !== first.frameOfReferenceUid || Math.abs(dot(a, b)) < 0.95) return null;
  const wanted = dot(to.position, b);
  let best = 0;
  let least = Infinity;
  stack.forEach((frame, place) => {
    const distance = frame.position ? Math.abs(dot(frame.position, b) - wanted) : Infinity;
    if (distance < least) [best, least] = [place, distance];
  });
  return best;
}
