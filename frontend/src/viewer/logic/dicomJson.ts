/** Reads values out of DICOM JSON (PS3.18 annex F): every value of an element is optional, also where the standard demands it. */

export interface DicomElement {
  vr: string;
  Value?: unknown[];
}

export type DicomJson = Record<string, DicomElement | undefined>;

/** Returns the element's first value as text; "" where there is none. */
export function text(item: DicomJson, tag: string): string {
  const value = item[tag]?.Value?.[0];
  if (value === null || value === undefined) return "";
  if (typeof value === "object") return personName(value as Record<string, unknown>);
  return String(value as string | number);
}

function personName(value: Record<string, unknown>): string {
  return ["Alphabetic", "Ideographic", "Phonetic"]
    .map((group) => (typeof value[group] === "string" ? value[group] : ""))
    .join("=")
    .replace(/=+$/, "");
}

/** Returns the element's values as numbers; values that are none are left out. */
export function numbers(item: DicomJson, tag: string): number[] {
  return (item[tag]?.Value ?? []).map(Number).filter((value) => Number.isFinite(value));
}

export function number(item: DicomJson, tag: string): number | null {
  return numbers(item, tag)[0] ?? null;
}

/** Returns the items of a sequence. */
export function items(item: DicomJson, tag: string): DicomJson[] {
  return (item[tag]?.Value ?? []).filter((value): value is DicomJson => typeof value === "object" && value !== null);
}
