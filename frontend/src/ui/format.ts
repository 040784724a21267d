/** DICOM's and the site's values as people read them. */

/** `20260123` → `2026-01-23`; what is no date stays as it is. */
export const dicomDate = (value: string): string =>
  /^\d{8}$/.test(value) ? `${value.slice(0, 4)}-${value.slice(4, 6)}-${value.slice(6)}` : value;

/** `093015.12` → `09:30`. */
export const dicomTime = (value: string): string => (/^\d{4}/.test(value) ? `${value.slice(0, 2)}:${value.slice(2, 4)}` : "");

/** PN → the first component group that says something, `Family, Given Middle`. */
export function personName(value: string): string {
  const group = value.split("=").find((part) => part.replaceAll("^", "").trim()) ?? "";
  const [family = "", ...given] = group.split("^").map((part) => part.trim());
  const rest = given.slice(0, 2).filter(Boolean).join(" ");
  return [family, rest].filter(Boolean).join(", ");
}

export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = size > 0 ? Math.min(Math.floor(Math.log10(size) / 3), units.length - 1) : 0;
  return `${(size / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power] ?? ""}`;
}

/** Seconds as `1:05` or `2:03:04`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return `${h ? `${h}:${String(m).padStart(2, "0")}` : m}:${String(s).padStart(2, "0")}`;
}

export const percent = (fraction: number): string => `${(fraction * 100).toFixed(fraction > 0.995 || fraction < 0.005 ? 1 : 0)} %`;

export const figure = (value: unknown): string => (typeof value === "number" ? value.toFixed(3) : "–");

/** A moment in the reader's own language and time zone. */
export const moment = (iso: string, language: string): string =>
  new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
