/** Measurements as values, and the draft of them that survives a reload. */

import { length, subtract, vec3, type Vec3 } from "./vectors";

export interface Measurement {
  id: string;
  sopInstanceUid: string;
  frameNumber: number;
  /** Both ends, in patient coordinates. */
  points: readonly [Vec3, Vec3];
}

export type Measurements = readonly Measurement[];

export const lengthOf = (measurement: Measurement): number => length(subtract(measurement.points[1], measurement.points[0]));

const draftKey = (team: string, studyUid: string): string => `medportal.draft.${team}.${studyUid}`;

export function writeDraft(storage: Storage, team: string, studyUid: string, measurements: Measurements): void {
  const key = draftKey(team, studyUid);
  try {
    if (measurements.length) storage.setItem(key, JSON.stringify(measurements));
    else storage.removeItem(key);
  } catch {
    // A full or forbidden storage must not stop anybody from measuring.
  }
}

export function readDraft(storage: Storage, team: string, studyUid: string): Measurements {
  try {
    const kept: unknown = JSON.parse(storage.getItem(draftKey(team, studyUid)) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isMeasurement) : [];
  } catch {
    return [];
  }
}

function isMeasurement(value: unknown): value is Measurement {
  if (typeof value !== "object" || value === null) return false;
  const { id, sopInstanceUid, frameNumber, points } = value as Partial<Measurement>;
  const isPoint = (point: unknown): boolean => Array.isArray(point) && point.every(Number.isFinite) && vec3(point) !== null;
  return (
    [id, sopInstanceUid].every((one) => typeof one === "string" && one) &&
    Number.isInteger(frameNumber) &&
    Array.isArray(points) &&
    points.length === 2 &&
    points.every(isPoint)
  );
}
