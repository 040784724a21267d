/** Where a series' voxels lie: frames in order along their normal, with what takes the patient's points to them and back. */

import type { Frame } from "../logic/frames";
import { gridOf } from "../logic/cuts";
import { frameKey } from "../logic/pieces";
import { add, cross, dot, normalize, scale, subtract, type Vec3 } from "../logic/vectors";

export interface Space {
  frames: readonly Frame[];
  keys: readonly string[];
  indexOf: ReadonlyMap<string, number>;
  rows: number;
  columns: number;
  /** Columns, rows, slices (mm); 1 where nothing is known. */
  spacing: Vec3;
  /** The middle of the first voxel. */
  origin: Vec3;
  /** Along a row, along a column, from slice to slice. */
  axes: readonly [Vec3, Vec3, Vec3];
  /** Whether distances between slices, and so volumes, mean something. */
  isVolume: boolean;
}

const FLAT: Space["axes"] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];

/** Returns the space of a stack; frames of a series that say nothing of where they lie are pages of a book. */
export function spaceOf(stack: readonly Frame[]): Space {
  const first = stack[0];
  const grid = gridOf(stack);
  const keys = stack.map((frame) => frameKey(frame.sopInstanceUid, frame.frameNumber));
  const [rowMm, columnMm] = first?.pixelMm ?? [1, 1];
  return {
    frames: stack,
    keys,
    indexOf: new Map(keys.map((key, index) => [key, index])),
    rows: first?.rows ?? 0,
    columns: first?.columns ?? 0,
    spacing: grid?.spacing ?? [columnMm, rowMm, 1],
    origin: grid?.origin ?? [0, 0, 0],
    axes: grid?.axes ?? FLAT,
    isVolume: grid !== null && stack.length > 1,
  };
}

/** Returns a point of the patient as (column, row, slice), whole numbers at the voxels' middles. */
export function toVoxel({ origin, axes, spacing }: Space, point: Vec3): Vec3 {
  const from = subtract(point, origin);
  return [dot(from, axes[0]) / spacing[0], dot(from, axes[1]) / spacing[1], dot(from, axes[2]) / spacing[2]];
}

export function toPatient({ origin, axes, spacing }: Space, [column, row, slice]: Vec3): Vec3 {
  return add(origin, add(scale(axes[0], column * spacing[0]), add(scale(axes[1], row * spacing[1]), scale(axes[2], slice * spacing[2]))));
}

/** The normal of the frames themselves. */
export const normalOf = ({ axes }: Space): Vec3 => normalize(cross(axes[0], axes[1]));

/** Millilitres of a voxel; null where its depth is not known. */
export const voxelMl = ({ spacing, isVolume }: Space): number | null => (isVolume ? (spacing[0] * spacing[1] * spacing[2]) / 1000 : null);
