/** How a volume is first seen. */

import type { Cornerstone } from "../cornerstone/comes";
import type { Frame } from "../logic/frames";

/** The window of a slice that has come, the middle one if it has. */
export function firstLoaded({ windowOf }: Cornerstone, stack: readonly Frame[]) {
  const middle = stack[Math.floor(stack.length / 2)];
  const loaded = (middle && windowOf(middle.imageId)) ?? stack.map((frame) => windowOf(frame.imageId)).find((one) => one !== null);
  const factor = stack[0]?.suvFactor;
  // PET is read dark on white.
  if (loaded && factor) return { window: { center: 3.5 / factor, width: 7 / factor }, isInverted: true };
  return loaded ?? null;
}
