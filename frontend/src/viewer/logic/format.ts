/** Writes DICOM values for people. */

import type { Frame } from "./frames";

/** Returns a person name's preferred group, "Family, Given": the ideographic one for Chinese readers where there is one. */
export function personName(name: string, language: string): string {
  const [alphabetic = "", ideographic = ""] = name.split("=");
  const group = (language.startsWith("zh") && ideographic) || alphabetic || ideographic;
  const [family = "", given = "", middle = ""] = group.split("^");
  const isIdeographic = group === ideographic && ideographic !== "";
  if (isIdeographic) return family + given;
  return [family, [given, middle].filter(Boolean).join(" ")].filter(Boolean).join(", ");
}

/** Returns YYYYMMDD as YYYY-MM-DD; anything else as it is. */
export function dicomDate(value: string): string {
  return /^\d{8}$/.test(value) ? `${value.slice(0, 4)}-${value.slice(4, 6)}-${value.slice(6)}` : value;
}

/** Returns HHMMSS.FFFFFF as HH:MM; "" for anything else. */
export function dicomTime(value: string): string {
  return /^\d{4}/.test(value) ? `${value.slice(0, 2)}:${value.slice(2, 4)}` : "";
}

/** Returns a moment as people here read it, written as dates are everywhere in the viewer. */
export function localTime(iso: string): string {
  const moment = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join("-");
  return `${day} ${two(moment.getHours())}:${two(moment.getMinutes())}`;
}

export const percent = (share: number): string => `${(share * 100).toFixed(share > 0.995 || share < 0.005 ? 2 : 1)} %`;

/** Returns the length of a scale bar (mm) that is round and about a fifth of the given extent. */
export function scaleBarLength(extentMm: number): number {
  const wanted = extentMm / 5;
  const power = 10 ** Math.floor(Math.log10(Math.max(wanted, 1e-3)));
  return ([5, 2, 1].find((step) => step * power <= wanted) ?? 1) * power;
}

/** Returns a number in three digits that count, without an exponent: "0.0123", "4.56", "12.3", "1234". */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.max(Math.abs(value), 1e-4)));
  return value.toFixed(Math.min(5, Math.max(0, 2 - size)));
}

interface Measured {
  millilitres: number | undefined;
  voxels: number | null;
  frames: readonly Frame[];
}

/** Returns how large a segment is: a volume of a stack, an area of one image, pixels where nobody knows their size; "" for not yet. */
export function segmentSize({ millilitres, voxels, frames }: Measured): string {
  const pixelMm = frames[0]?.spacing === "none" ? null : frames[0]?.pixelMm;
  if (frames.length > 1 && pixelMm) return millilitres === undefined ? "" : `${figure(millilitres)} ml`;
  if (voxels === null) return "";
  return pixelMm ? `${figure((voxels * pixelMm[0] * pixelMm[1]) / 100)} cm²` : `${voxels.toLocaleString("en").replaceAll(",", "\u202f")} px`;
}
