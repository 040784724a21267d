/** Names directions in the patient by the letters of PS3.3 C.7.6.1.1.1: L R A P H F. */

import { normalize, type Vec3 } from "./vectors";

// A component below this share of the direction (about 11°) is not named: a slightly tilted axial slice stays "L".
const SMALLEST_COMPONENT = 0.2;
const LETTERS = [
  ["L", "R"],
  ["P", "A"],
  ["H", "F"],
] as const;

/** Returns the letters of a direction (LPS), the strongest first; an oblique one gets two or three: "LP". */
export function directionLetters(direction: Vec3): string {
  const unit = normalize(direction);
  return unit
    .map((component, axis) => ({ size: Math.abs(component), letter: LETTERS[axis as 0 | 1 | 2][component > 0 ? 0 : 1] }))
    .filter(({ size }) => size >= SMALLEST_COMPONENT)
    .sort((a, b) => b.size - a.size)
    .map(({ letter }) => letter)
    .join("");
}

const OPPOSITE: Record<string, string> = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };

export function oppositeLetters(letters: string): string {
  return [...letters].map((letter) => OPPOSITE[letter] ?? letter).join("");
}

export interface EdgeLetters {
  top: string;
  right: string;
  bottom: string;
  left: string;
}

/** Returns what stands at the four edges of a picture whose right and down directions in the patient are given. */
export function edgeLetters(right: Vec3, down: Vec3): EdgeLetters {
  const [toRight, toBottom] = [directionLetters(right), directionLetters(down)];
  return { right: toRight, left: oppositeLetters(toRight), bottom: toBottom, top: oppositeLetters(toBottom) };
}
