/** How much of a study the page may hold. */

const MEBIBYTE = 1024 ** 2;

/** Bytes of decoded pictures that the page may hold: phones end pages that take more. */
export function memoryBudget(): number {
  const isPhone = window.matchMedia("(pointer: coarse)").matches;
  const deviceGibibytes = (navigator as { deviceMemory?: number }).deviceMemory ?? 4;
  return (isPhone ? 256 : Math.min(2048, deviceGibibytes * 192)) * MEBIBYTE;
}
