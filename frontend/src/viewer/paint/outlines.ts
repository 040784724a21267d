/** Draws the borders of segments, as thin at every magnification. */

import type { Layer } from "../logic/layers";
import { outlinesOf, type SegmentStyle } from "../logic/segments";

const WIDTH_PX = 1.6;
const known = new WeakMap<Layer, ReadonlyMap<number, Path2D>>();

function pathsOf(layer: Layer): ReadonlyMap<number, Path2D> {
  const found = known.get(layer);
  if (found) return found;
  const paths = new Map<number, Path2D>();
  for (const [number, ends] of outlinesOf(layer.values, layer.rows, layer.columns)) {
    const path = new Path2D();
    for (let at = 0; at < ends.length; at += 4) {
      path.moveTo(ends[at] ?? 0, ends[at + 1] ?? 0);
      path.lineTo(ends[at + 2] ?? 0, ends[at + 3] ?? 0);
    }
    paths.set(number, path);
  }
  known.set(layer, paths);
  return paths;
}

export function drawOutlines(context: CanvasRenderingContext2D, layer: Layer, placed: DOMMatrix, styleOf: (number: number) => SegmentStyle): void {
  context.lineWidth = WIDTH_PX * devicePixelRatio;
  context.lineCap = "square";
  for (const [number, path] of pathsOf(layer)) {
    const { colour, opacity, isVisible } = styleOf(number);
    if (!isVisible) continue;
    const onScreen = new Path2D();
    onScreen.addPath(path, placed);
    context.globalAlpha = opacity;
    context.strokeStyle = colour;
    context.stroke(onScreen);
  }
  context.globalAlpha = 1;
}
