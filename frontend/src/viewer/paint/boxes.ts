/** Draws boxes with their class and score. */

import type { Box } from "../logic/pieces";

const FONT_PX = 12;

export interface BoxLook {
  colour: string;
  isSelected: boolean;
  /** "": none. */
  text: string;
}

/** Draws a box's rectangle on the frame; turned pictures get turned boxes, but upright texts. */
export function drawBox(context: CanvasRenderingContext2D, { low, high }: Box, onFrame: DOMMatrix, { colour, isSelected, text }: BoxLook): void {
  const dpr = devicePixelRatio;
  const [top = 0, left = 0] = low.slice(1);
  const [bottom = 0, right = 0] = high.slice(1);
  const corners = [[left, top], [right, top], [right, bottom], [left, bottom]].map(([x, y]) => onFrame.transformPoint({ x: x ?? 0, y: y ?? 0 }));
  const outline = new Path2D();
  corners.forEach(({ x, y }, place) => { if (place) outline.lineTo(x, y); else outline.moveTo(x, y); });
  outline.closePath();
  context.lineJoin = "round";
  // Seen on white and on black.
  for (const [width, style] of [[isSelected ? 5.5 : 3.5, "rgb(0 0 0 / 60%)"], [isSelected ? 3 : 1.8, colour]] as const) {
    context.lineWidth = width * dpr;
    context.strokeStyle = style;
    context.stroke(outline);
  }
  if (text) drawText(context, corners, text, colour);
}

function drawText(context: CanvasRenderingContext2D, corners: readonly DOMPoint[], text: string, colour: string): void {
  const dpr = devicePixelRatio;
  context.font = `600 ${FONT_PX * dpr}px system-ui, sans-serif`;
  context.textBaseline = "bottom";
  const [width, height] = [context.measureText(text).width + 8 * dpr, (FONT_PX + 5) * dpr];
  const [top, bottom] = [Math.min(...corners.map(({ y }) => y)), Math.max(...corners.map(({ y }) => y))];
  const left = Math.min(...corners.map(({ x }) => x));
  // Above the box, or below where there is no room; never beside the picture.
  const y = top - height - 3 * dpr > 0 ? top - 3 * dpr : bottom + height + 3 * dpr;
  const x = Math.max(0, Math.min(left, context.canvas.width - width));
  context.fillStyle = "rgb(0 0 0 / 70%)";
  context.fillRect(x, y - height, width, height);
  context.fillStyle = colour;
  context.fillText(text, x + 4 * dpr, y - 2.5 * dpr);
}
