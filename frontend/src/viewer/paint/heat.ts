/** Colours of maps: nothing where nothing was seen, then amber to red; and grey or heat for pictures of their own. */

type Colour = readonly [red: number, green: number, blue: number, alpha: number];
type Stops = readonly (readonly [at: number, colour: Colour])[];

const OVER_IMAGE: Stops = [
  [0, [255, 214, 0, 0]],
  [0.15, [255, 214, 0, 0]],
  [0.45, [255, 176, 0, 150]],
  [0.75, [255, 92, 0, 220]],
  [1, [255, 24, 64, 255]],
];
// Rises evenly in brightness, also for the colour-blind.
const ON_BLACK: Stops = [
  [0, [0, 0, 0, 255]],
  [0.25, [66, 10, 104, 255]],
  [0.5, [188, 55, 84, 255]],
  [0.75, [249, 142, 9, 255]],
  [1, [252, 255, 164, 255]],
];

function colourAt(stops: Stops, share: number): Colour {
  const at = stops.findIndex(([place]) => place >= share);
  const [before, after] = [stops[Math.max(0, at - 1)], stops[at < 0 ? stops.length - 1 : at]];
  if (!before || !after) return [0, 0, 0, 0];
  const part = after[0] > before[0] ? (Math.min(share, 1) - before[0]) / (after[0] - before[0]) : 0;
  const mix = (channel: 0 | 1 | 2 | 3): number => Math.round(before[1][channel] + (after[1][channel] - before[1][channel]) * part);
  return [mix(0), mix(1), mix(2), mix(3)];
}

/** A colour for each of 0…255, as bytes of an image. */
export function table(colourOf: (value: number) => Colour): Uint32Array {
  const bytes = new Uint8Array(256 * 4);
  for (let value = 0; value < 256; value += 1) bytes.set(colourOf(value), value * 4);
  return new Uint32Array(bytes.buffer);
}

/** Colours of an activation, of which 255 means `scale`. */
export const activationTable = (scale: number): Uint32Array => table((value) => colourAt(OVER_IMAGE, Math.min(1, (value / 255) * scale)));
/** Colours of an anomaly map, whose full scale is 255. */
export const ANOMALY_TABLE = table((value) => colourAt(OVER_IMAGE, value / 255));
export const DIFFERENCE_TABLE = table((value) => colourAt(ON_BLACK, value / 255));
export const GREY_TABLE = table((value) => [value, value, value, 255]);
