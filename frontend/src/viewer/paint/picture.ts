/** Draws a layer's values as a picture upon the frame, wherever the frame stands on the screen. */

import type { StackView } from "../cornerstone/stackView";
import type { View } from "../cornerstone/view";
import type { Frame } from "../logic/frames";
import type { Layer } from "../logic/layers";

/** Only a stack's view can tell where pixels of a frame lie. */
export const isStack = (view: View | null): view is StackView => view !== null && "pixelToWorld" in view;

/** One canvas for each role, filled anew only when another layer or other colours are to be seen. */
export class Sheet {
  private readonly canvas = document.createElement("canvas");
  private layer: Layer | null = null;
  private colours: Uint32Array | null = null;

  /** Returns the layer as a picture of one pixel for each of its values, in these colours. */
  of(layer: Layer, colours: Uint32Array): HTMLCanvasElement {
    if (this.layer === layer && this.colours === colours) return this.canvas;
    [this.layer, this.colours] = [layer, colours];
    const { rows, columns, values } = layer;
    if (this.canvas.width !== columns || this.canvas.height !== rows) [this.canvas.width, this.canvas.height] = [columns, rows];
    const context = this.canvas.getContext("2d");
    const picture = context?.createImageData(columns, rows);
    if (!context || !picture) return this.canvas;
    if (layer.channels === 3) fillColours(picture.data, values);
    else fillGrey(new Uint32Array(picture.data.buffer), values, colours);
    context.putImageData(picture, 0, 0);
    return this.canvas;
  }
}

function fillGrey(pixels: Uint32Array, values: ArrayLike<number>, colours: Uint32Array): void {
  for (let index = 0; index < pixels.length; index += 1) pixels[index] = colours[values[index] ?? 0] ?? 0;
}

function fillColours(bytes: Uint8ClampedArray, values: ArrayLike<number>): void {
  for (let from = 0, to = 0; to < bytes.length; from += 3, to += 4) {
    [bytes[to], bytes[to + 1], bytes[to + 2], bytes[to + 3]] = [values[from] ?? 0, values[from + 1] ?? 0, values[from + 2] ?? 0, 255];
  }
}

/** Returns what takes pixels of the frame (column, row, from its outer corner) to pixels of the canvas. */
export function frameToCanvas(view: StackView): DOMMatrix {
  const far = 1000;
  const corner = view.toCanvas(view.pixelToWorld(0, 0));
  const alongRow = view.toCanvas(view.pixelToWorld(far, 0));
  const alongColumn = view.toCanvas(view.pixelToWorld(0, far));
  const dpr = devicePixelRatio;
  return new DOMMatrix([
    ((alongRow[0] - corner[0]) / far) * dpr,
    ((alongRow[1] - corner[1]) / far) * dpr,
    ((alongColumn[0] - corner[0]) / far) * dpr,
    ((alongColumn[1] - corner[1]) / far) * dpr,
    corner[0] * dpr,
    corner[1] * dpr,
  ]);
}

/** Returns what takes a layer's own pixels to pixels of the canvas. */
export function layerToCanvas(onFrame: DOMMatrix, { rows, columns, region }: Layer): DOMMatrix {
  const [top, left, bottom, right] = region;
  return onFrame.translate(left, top).scale((right - left) / columns, (bottom - top) / rows);
}

/** Keeps what is drawn next within the frame: a model may have seen a margin around it. */
export function clipToFrame(context: CanvasRenderingContext2D, { rows, columns }: Frame, onFrame: DOMMatrix): void {
  const [edge, onScreen] = [new Path2D(), new Path2D()];
  edge.rect(0, 0, columns, rows);
  onScreen.addPath(edge, onFrame);
  context.clip(onScreen);
}

interface Look {
  opacity: number;
  isSmooth: boolean;
}

export function drawSheet(context: CanvasRenderingContext2D, sheet: HTMLCanvasElement, placed: DOMMatrix, { opacity, isSmooth }: Look): void {
  context.setTransform(placed);
  context.globalAlpha = opacity;
  context.imageSmoothingEnabled = isSmooth;
  context.imageSmoothingQuality = "high";
  context.drawImage(sheet, 0, 0);
  context.globalAlpha = 1;
  context.resetTransform();
}
