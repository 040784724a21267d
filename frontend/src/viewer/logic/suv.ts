/** Standardized uptake values of PET by body weight, as the QIBA profile computes them from DICOM attributes. */

import { items, number, text, type DicomJson } from "./dicomJson";

const T = {
  units: "00541001",
  decayCorrection: "00541102",
  corrected: "00280051",
  weight: "00101030",
  radiopharmaceutical: "00540016",
  dose: "00181074",
  halfLife: "00181075",
  startTime: "00181072",
  startDateTime: "00181078",
  seriesDate: "00080021",
  seriesTime: "00080031",
  acquisitionDate: "00080022",
  acquisitionTime: "00080032",
} as const;

/**
 * Returns by how much a value in Bq/ml is multiplied to be g/ml of body weight; null where the image does not say enough.
 * Values that are g/ml already (Units GML) are multiplied by 1.
 */
export function suvFactor(metadata: DicomJson): number | null {
  if (text(metadata, "00080060") !== "PT") return null;
  const units = text(metadata, T.units);
  if (units === "GML") return 1;
  const weightKg = number(metadata, T.weight);
  const dose = items(metadata, T.radiopharmaceutical)[0];
  const corrections = metadata[T.corrected]?.Value ?? [];
  if (units !== "BQML" || !weightKg || !dose || !corrections.includes("DECY") || !corrections.includes("ATTN")) return null;
  const [totalBq, halfLifeS] = [number(dose, T.dose), number(dose, T.halfLife)];
  if (!totalBq || !halfLifeS) return null;
  const decay = text(metadata, T.decayCorrection);
  if (decay === "ADMIN") return (weightKg * 1000) / totalBq;
  const waitedS = decay === "START" ? waited(metadata, dose) : null;
  return waitedS === null ? null : (weightKg * 1000) / (totalBq * 2 ** (-waitedS / halfLifeS));
}

/** Returns the seconds from the injection to the time to which decay was corrected; null where they make no sense. */
function waited(metadata: DicomJson, dose: DicomJson): number | null {
  // The series' time is the reference unless post-processing wrote a later one than the images' own.
  const series = moment(text(metadata, T.seriesDate), text(metadata, T.seriesTime));
  const acquired = moment(text(metadata, T.acquisitionDate), text(metadata, T.acquisitionTime));
  const scan = series !== null && (acquired === null || series <= acquired) ? series : acquired;
  const whole = text(dose, T.startDateTime);
  const injected = whole ? moment(whole.slice(0, 8), whole.slice(8)) : moment(text(metadata, T.seriesDate), text(dose, T.startTime));
  if (scan === null || injected === null) return null;
  const seconds = scan - injected;
  return seconds >= 0 && seconds < 86_400 ? seconds : null;
}

function moment(date: string, time: string): number | null {
  const [day, clock] = [/^(\d{4})(\d{2})(\d{2})$/.exec(date), /^(\d{2})(\d{2})?(\d{2})?(\.\d+)?/.exec(time)];
  if (!day || !clock) return null;
  const [hours, minutes, seconds, part] = clock.slice(1).map((one) => Number(one || 0));
  return Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3]), hours, minutes, seconds) / 1000 + (part ?? 0);
}
