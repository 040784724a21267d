/** What Cornerstone holds of the open study: decoded frames, and what is known of each. */

import { cache, Enums, eventTarget, imageLoader, type Types } from "@cornerstonejs/core";
import { wadors } from "@cornerstonejs/dicom-image-loader";

import type { Frame } from "../logic/frames";
import type { Window } from "../logic/windows";

/** What the loader stumbles over it may leave unsettled for ever; a slow line gets this long. */
const PATIENCE_MS = 120_000;

/** Tells Cornerstone's loader what is known of each frame, so that it asks the server for pixels only. */
export function registerFrames(frames: readonly Frame[]): void {
  for (const frame of frames) {
    wadors.metaDataManager.add(frame.imageId, frame.metadata as Parameters<typeof wadors.metaDataManager.add>[1]);
  }
}

let inFlight = 0;

/** Fetches and decodes a frame; refuses what has no picture in it. */
export async function loadFrame(imageId: string): Promise<Types.IImage> {
  inFlight += 1;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => { reject(new Error(`Nothing came of ${imageId}`)); }, PATIENCE_MS);
  });
  const loading = imageLoader.loadImage(imageId, { priority: 0, requestType: Enums.RequestType.Prefetch });
  const image = await Promise.race([loading, tooLate]).finally(() => {
    clearTimeout(timer);
    inFlight -= 1;
  });
  if (!Number.isFinite(image.minPixelValue) || !Number.isFinite(image.maxPixelValue)) throw new Error(`No picture in ${imageId}`);
  return image;
}

/** Keeps a frame, decoded, until memory is short. */
export function keepFrame(image: Types.IImage): void {
  if (!cache.getImageLoadObject(image.imageId)) cache.putImageSync(image.imageId, image);
}

/** Gives up all of the study; what is still being decoded needs what is known of it, so that goes with the next study. */
export function forgetFrames(): void {
  cache.purgeCache();
  if (!inFlight) wadors.metaDataManager.purge();
}

/** Tells when memory gave up a frame; returns what stops telling. */
export function onForgotten(callback: (imageId: string) => void): () => void {
  const listener = (event: Event): void => {
    callback((event as CustomEvent<{ imageId: string }>).detail.imageId);
  };
  const { IMAGE_CACHE_IMAGE_REMOVED } = Enums.Events;
  eventTarget.addEventListener(IMAGE_CACHE_IMAGE_REMOVED, listener);
  return () => {
    eventTarget.removeEventListener(IMAGE_CACHE_IMAGE_REMOVED, listener);
  };
}

/** Returns the image's own window: the file's, else all its values. */
export function ownWindow({ windowCenter, windowWidth }: Types.IImage): Window {
  const first = (value: number | number[]): number => (Array.isArray(value) ? (value[0] ?? 0) : value);
  return { center: first(windowCenter), width: first(windowWidth) };
}

/** Returns the values of a grey frame that is in memory, row after row; null where it is not, or is in colour. */
export function valuesOf(imageId: string): ArrayLike<number> | null {
  const image = cache.getImage(imageId);
  return image && !image.color ? (image.voxelManager?.getScalarData() ?? image.getPixelData()) : null;
}

/** Returns the own window of a frame that is in memory, and whether it is dark where values are high (MONOCHROME1). */
export function windowOf(imageId: string): { window: Window; isInverted: boolean } | null {
  const image = cache.getImage(imageId);
  return image ? { window: ownWindow(image), isInverted: Boolean(image.invert) } : null;
}
