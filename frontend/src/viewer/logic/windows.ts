/** Window centre and width: presets, and the range of values that a window shows (PS3.3 C.11.2.1.2.1). */

export interface Window {
  center: number;
  width: number;
}

export interface WindowPreset extends Window {
  /** Key of the words for it; the file's further ones show their explanation instead. */
  name: "file" | "lung" | "mediastinum" | "bone" | "brain" | "abdomen";
  explanation: string;
}

export type FileWindow = Window & { explanation: string };

const CT_PRESETS: readonly WindowPreset[] = [
  { name: "lung", center: -600, width: 1500, explanation: "" },
  { name: "mediastinum", center: 40, width: 400, explanation: "" },
  { name: "bone", center: 450, width: 1800, explanation: "" },
  { name: "brain", center: 40, width: 80, explanation: "" },
  { name: "abdomen", center: 50, width: 350, explanation: "" },
];

/**
 * Returns the windows that the number keys from 2 on stand for; 1 is the image's own. Those of the modality come first,
 * so that a key means the same in every study, then what else the file knows.
 */
export function windowPresets(modality: string, fileWindows: readonly FileWindow[]): WindowPreset[] {
  const ofModality = modality === "CT" ? CT_PRESETS : [];
  const isKnown = (window: Window): boolean => ofModality.some((preset) => sameWindow(preset, window));
  const ofFile = fileWindows.slice(1).filter((window) => !isKnown(window)).map((window) => ({ ...window, name: "file" as const }));
  return [...ofModality, ...ofFile].slice(0, 8);
}

/** Returns the lowest and highest value that the window tells apart. */
export function windowRange({ center, width }: Window): { lower: number; upper: number } {
  const half = (Math.max(width, 1) - 1) / 2;
  return { lower: center - 0.5 - half, upper: center - 0.5 + half };
}

/** Returns the window of a range: the inverse of `windowRange`. */
export function rangeWindow({ lower, upper }: { lower: number; upper: number }): Window {
  return { center: (lower + upper + 1) / 2, width: Math.abs(upper - lower) + 1 };
}

export function sameWindow(a: Window, b: Window): boolean {
  return Math.abs(a.center - b.center) < 0.5 && Math.abs(a.width - b.width) < 0.5;
}
