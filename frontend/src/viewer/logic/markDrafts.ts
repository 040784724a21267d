/** What has been drawn and not reached the site yet, kept in the browser over a reload or an end of the page. */

import { vec3, type Vec3 } from "./vectors";

export interface Draft {
  revision: number;
  content: unknown;
}

const keyOf = (user: string, team: string, studyUid: string): string => `medportal.marks.${user}.${team}.${studyUid}`;

export function writeDrafts(storage: Storage, user: string, team: string, studyUid: string, drafts: Readonly<Record<string, Draft>>): void {
  const key = keyOf(user, team, studyUid);
  try {
    if (Object.keys(drafts).length) storage.setItem(key, JSON.stringify(drafts));
    else storage.removeItem(key);
  } catch {
    // A full or forbidden storage must not stop anybody from measuring.
  }
}

/** Returns the drafts of a study; what makes no sense is left out. */
export function readDrafts(storage: Storage, user: string, team: string, studyUid: string): Record<string, Draft> {
  try {
    const kept: unknown = JSON.parse(storage.getItem(keyOf(user, team, studyUid)) ?? "{}");
    if (typeof kept !== "object" || kept === null || Array.isArray(kept)) return {};
    return Object.fromEntries(Object.entries(kept as Record<string, unknown>).filter((entry): entry is [string, Draft] => isDraft(entry[1])));
  } catch {
    return {};
  }
}

function isDraft(value: unknown): value is Draft {
  if (typeof value !== "object" || value === null) return false;
  const { revision, content } = value as Partial<Draft>;
  return Number.isInteger(revision) && (content === null || isContent(content));
}

function isContent(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { kind, points, series_instance_uid: series, data } = value as Record<string, unknown>;
  const isPoint = (point: unknown): point is Vec3 => Array.isArray(point) && point.every((one) => Number.isFinite(one)) && vec3(point as number[]) !== null;
  return typeof kind === "string" && typeof series === "string" && typeof data === "object" && data !== null && Array.isArray(points) && points.every(isPoint);
}
