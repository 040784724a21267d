/** Volumes, put together of frames that are in memory: nothing is fetched for them, and nothing is kept twice. */

import { cache, metaData, utilities, volumeLoader, type Types } from "@cornerstonejs/core";

import type { Frame } from "../logic/frames";

interface Growing {
  imageIds: readonly string[];
  updateTextureAndTriggerEvents: (place: number, imageId: string) => void;
}

const volumeOfFrame = new Map<string, Set<string>>();

/** Returns the id under which a stack (in order along its normal) is a volume. */
const volumeIdOf = (stack: readonly Frame[]): string => `medportal-volume:${stack[0]?.imageId ?? ""}:${stack.length}`;

/** Makes a volume of a stack. Slices that have not come yet are black, until `grow` is told of them. */
export async function volumeOf(stack: readonly Frame[]): Promise<string> {
  const volumeId = volumeIdOf(stack);
  if (cache.getVolume(volumeId)) return volumeId;
  const volume = await volumeLoader.createAndCacheVolume(volumeId, { imageIds: stack.map((frame) => frame.imageId) });
  for (const frame of stack) {
    const ids = volumeOfFrame.get(frame.imageId) ?? new Set();
    volumeOfFrame.set(frame.imageId, ids.add(volumeId));
    if (cache.getImage(frame.imageId)) growOne(volume as unknown as Growing, frame.imageId);
  }
  return volumeId;
}

/** Takes a frame that has come into the volumes that it is of. Returns whether there are any. */
export function grow(imageId: string): boolean {
  const ids = volumeOfFrame.get(imageId);
  if (!ids) return false;
  for (const volumeId of ids) {
    const volume = cache.getVolume(volumeId) as unknown as Growing | undefined;
    if (volume) growOne(volume, imageId);
  }
  return true;
}

function growOne(volume: Growing, imageId: string): void {
  volume.updateTextureAndTriggerEvents(volume.imageIds.indexOf(imageId), imageId);
}

/** Forgets all volumes; the frames are forgotten with the cache. */
export function forgetVolumes(): void {
  volumeOfFrame.clear();
}

/** Returns the value of a volume's nearest voxel, and where it is; null outside. */
export function voxelAt(volumeId: string, point: Types.Point3): { index: readonly [number, number, number]; value: number } | null {
  const volume = cache.getVolume(volumeId);
  if (!volume?.imageData) return null;
  const index = utilities.transformWorldToIndex(volume.imageData, point);
  if (index.some((place: number, axis: number) => place < 0 || place >= (volume.dimensions[axis] ?? 0))) return null;
  const image = cache.getImage(volume.imageIds[index[2]] ?? "");
  const value = image?.voxelManager?.getScalarData()[index[1] * volume.dimensions[0] + index[0]];
  return value === undefined ? null : { index, value };
}

/** Returns the value at a point of a frame that is in memory; null beside it, and for colours. */
export function pixelAt(imageId: string, point: Types.Point3): number | null {
  const image = cache.getImage(imageId);
  const plane = metaData.get("imagePlaneModule", imageId) as Record<string, number[] | undefined> | undefined;
  if (!image || image.color || !plane) return null;
  const { imagePositionPatient: origin = [0, 0, 0], rowCosines = [1, 0, 0], columnCosines = [0, 1, 0] } = plane;
  const along = (axis: readonly number[], spacing: number): number =>
    Math.round(point.reduce((sum, one, place) => sum + (one - (origin[place] ?? 0)) * (axis[place] ?? 0), 0) / (spacing || 1));
  const [column, row] = [along(rowCosines, image.columnPixelSpacing), along(columnCosines, image.rowPixelSpacing)];
  if (column < 0 || row < 0 || column >= image.columns || row >= image.rows) return null;
  return image.voxelManager?.getScalarData()[row * image.columns + column] ?? null;
}
