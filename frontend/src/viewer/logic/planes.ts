/** Where one picture's plane cuts another's: a line from edge to edge of the one that is cut. */

import type { Frame } from "./frames";
import { add, cross, dot, normalize, scale, subtract, type Vec3 } from "./vectors";

const corners = (frame: Frame): Vec3[] | null => {
  const { position, orientation, pixelMm, rows, columns } = frame;
  if (!position || !orientation || !pixelMm) return null;
  const [right, down] = [scale(orientation.row, (columns - 1) * pixelMm[1]), scale(orientation.column, (rows - 1) * pixelMm[0])];
  return [position, add(position, right), add(add(position, right), down), add(position, down)];
};

/** Returns both ends of the line in which a frame lies in the plane of another; null where they do not meet, or nearly run together. */
export function lineOf(frame: Frame, on: Frame): readonly [Vec3, Vec3] | null {
  const [around, own] = [corners(frame), on.orientation];
  if (!around || !own || !on.position || !frame.orientation) return null;
  const normal = normalize(cross(own.row, own.column));
  const tilt = Math.abs(dot(normal, normalize(cross(frame.orientation.row, frame.orientation.column))));
  if (tilt > 0.98) return null;
  const origin = on.position;
  const heights = around.map((corner) => dot(subtract(corner, origin), normal));
  const ends = around.flatMap((corner, place): Vec3[] => {
    const next = (place + 1) % around.length;
    const [here, there, end] = [heights[place] ?? 0, heights[next] ?? 0, around[next] ?? corner];
    if (here === there || here * there > 0) return [];
    return [add(corner, scale(subtract(end, corner), here / (here - there)))];
  });
  const [first, last] = [ends[0], ends.find((end) => ends[0] && Math.hypot(...subtract(end, ends[0])) > 1e-3)];
  return first && last ? [first, last] : null;
}
