/** Colours an activation map: nothing where the model did not look, then amber to red. */

import type { ActivationMap } from "../logic/pieces";

type Colour = readonly [red: number, green: number, blue: number, alpha: number];

const STOPS: readonly (readonly [at: number, colour: Colour])[] = [
  [0, [255, 214, 0, 0]],
  [0.15, [255, 214, 0, 0]],
  [0.45, [255, 176, 0, 150]],
  [0.75, [255, 92, 0, 220]],
  [1, [255, 24, 64, 255]],
];

/** Returns the colour of a share, 0 to 1. */
function heatColour(share: number): Colour {
  const at = STOPS.findIndex(([place]) => place >= share);
  const [before, after] = [STOPS[Math.max(0, at - 1)], STOPS[at < 0 ? STOPS.length - 1 : at]];
  if (!before || !after) return [0, 0, 0, 0];
  const part = after[0] > before[0] ? (Math.min(share, 1) - before[0]) / (after[0] - before[0]) : 0;
  const mix = (channel: 0 | 1 | 2 | 3): number => Math.round(before[1][channel] + (after[1][channel] - before[1][channel]) * part);
  return [mix(0), mix(1), mix(2), mix(3)];
}

const painted = new WeakMap<ActivationMap, HTMLCanvasElement>();

/** Returns the map as a picture of one pixel for each of its values; made once. */
export function heatOf(map: ActivationMap): HTMLCanvasElement {
  const known = painted.get(map);
  if (known) return known;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [map.columns, map.rows];
  const context = canvas.getContext("2d");
  const picture = context?.createImageData(map.columns, map.rows);
  if (context && picture) {
    const palette = Array.from({ length: 256 }, (_, value) => heatColour(Math.min(1, (value / 255) * map.scale)));
    map.values.forEach((value, index) => { picture.data.set(palette[value] ?? [0, 0, 0, 0], index * 4); });
    context.putImageData(picture, 0, 0);
  }
  painted.set(map, canvas);
  return canvas;
}
