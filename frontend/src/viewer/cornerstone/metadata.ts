/** Tells Cornerstone's loader what is known of each frame, so that it asks the server for pixels only. */

import { wadors } from "@cornerstonejs/dicom-image-loader";

import type { Frame } from "../logic/frames";

export function registerFrames(frames: readonly Frame[]): void {
  for (const frame of frames) {
    wadors.metaDataManager.add(frame.imageId, frame.metadata as Parameters<typeof wadors.metaDataManager.add>[1]);
  }
}
