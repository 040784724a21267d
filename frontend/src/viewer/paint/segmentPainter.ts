/** Paints the open segmentation over a pane's picture: on stacks pixel by pixel, on planes as they cut through it. */

import type { StackView } from "../cornerstone/stackView";
import type { View } from "../cornerstone/view";
import { channelsOf } from "../logic/segments";
import { frameKey } from "../logic/pieces";
import { volumeStack } from "../logic/cuts";
import type { Frame } from "../logic/frames";
import { edgesOf, fillRuns, type Runs } from "../segmentation/runs";
import { spaceOf, toVoxel, type Space } from "../segmentation/space";
import type { PaneSession } from "../state/paneSession";
import type { SegmentSession } from "../state/segmentSession";
import { useSegments, type SegmentState } from "../state/segmentsStore";
import { framesOfPane, paneAt, shownFrameOf, useViewer } from "../state/viewerStore";
import { frameToCanvas, isStack } from "./picture";

const OUTLINE_PX = 1.5;
const ACTIVE_OUTLINE_PX = 2.4;
/** Of a plane with more pixels on the screen than this, every second one is looked up. */
const MOST_LOOKUPS = 900_000;

const outlines = new WeakMap<Runs, Path2D>();

function outlineOf(runs: Runs, columns: number): Path2D {
  const known = outlines.get(runs);
  if (known) return known;
  const [path, ends] = [new Path2D(), edgesOf(runs, columns)];
  for (let at = 0; at < ends.length; at += 4) {
    path.moveTo(ends[at] ?? 0, ends[at + 1] ?? 0);
    path.lineTo(ends[at + 2] ?? 0, ends[at + 3] ?? 0);
  }
  outlines.set(runs, path);
  return path;
}

const spaces = new WeakMap<readonly Frame[], Space>();

/** Returns where the voxels of a stack lie; the same value each time. */
export function spaceOfStack(stack: readonly Frame[]): Space {
  const known = spaces.get(stack) ?? spaceOf(stack);
  spaces.set(stack, known);
  return known;
}

export class SegmentPainter {
  private readonly sheet = document.createElement("canvas");
  private pixels: ImageData | null = null;
  private readonly stops: readonly (() => void)[];
  private request = 0;
  /** Of a plane: the topmost segment of each voxel, frame by frame, made when it is first cut. */
  private readonly flat = new Map<string, { runs: readonly Runs[]; top: Uint8Array }>();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly pane: PaneSession,
    private readonly session: SegmentSession,
  ) {
    this.stops = [
      useViewer.subscribe((now, before) => {
        const [is, was] = [paneAt(now, this.pane.place), paneAt(before, this.pane.place)];
        if (is.view !== was.view || is.shownImageId !== was.shownImageId || is.seriesUid !== was.seriesUid || is.index !== was.index) this.draw();
      }),
      useSegments.subscribe((now, before) => {
        if (now.version !== before.version || now.segments !== before.segments || now.active !== before.active || now.isFilled !== before.isFilled || now.areHidden !== before.areHidden) this.soon();
      }),
    ];
    this.draw();
  }

  destroy(): void {
    cancelAnimationFrame(this.request);
    for (const stop of this.stops) stop();
  }

  private soon(): void {
    this.request ||= requestAnimationFrame(() => { this.draw(); });
  }

  private draw(): void {
    cancelAnimationFrame(this.request);
    this.request = 0;
    const { canvas } = this;
    const { segments, areHidden, openId, rows } = useSegments.getState();
    const state = useViewer.getState();
    const pane = paneAt(state, this.pane.place);
    const isHere = openId !== null && rows[openId]?.series_instance_uid === pane.shownSeriesUid && pane.view !== null && !areHidden;
    const shown = isHere ? segments.filter((one) => !one.is_hidden) : [];
    const [width, height] = [Math.round(canvas.clientWidth * devicePixelRatio), Math.round(canvas.clientHeight * devicePixelRatio)];
    const context = canvas.getContext("2d");
    if (!context) return;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    else if (canvas.dataset.painted === "true") context.clearRect(0, 0, width, height);
    const { view } = this.pane;
    let isPainted = false;
    if (shown.length && isStack(view)) isPainted = this.drawStack(context, view, shown, shownFrameOf(state, pane));
    else if (shown.length && view && pane.kind === "plane") isPainted = this.drawPlane(context, view, shown, volumeStack(framesOfPane(state, pane), pane.phase));
    canvas.dataset.painted = String(isPainted);
  }

  private drawStack(context: CanvasRenderingContext2D, view: StackView, shown: readonly SegmentState[], frame: Frame | undefined): boolean {
    if (!frame) return false;
    const key = frameKey(frame.sopInstanceUid, frame.frameNumber);
    const here = shown.map((segment) => ({ segment, runs: this.session.voxels.get(segment.number, key) })).filter(({ runs }) => runs.length);
    if (!here.length) return false;
    const { isFilled, active } = useSegments.getState();
    const placed = frameToCanvas(view);
    if (isFilled) this.drawFilled(context, here, frame, placed);
    context.setTransform(placed);
    const scale = Math.hypot(placed.a, placed.b) || 1;
    for (const { segment, runs } of here) {
      if (isFilled && segment.number !== active) continue;
      context.strokeStyle = segment.color;
      context.lineWidth = ((segment.number === active ? ACTIVE_OUTLINE_PX : OUTLINE_PX) * devicePixelRatio) / scale;
      context.stroke(outlineOf(runs, frame.columns));
    }
    context.resetTransform();
    return true;
  }

  private drawFilled(context: CanvasRenderingContext2D, here: readonly { segment: SegmentState; runs: Runs }[], { rows, columns }: Frame, placed: DOMMatrix): void {
    if (this.pixels?.width !== columns || this.pixels.height !== rows) {
      this.pixels = new ImageData(columns, rows);
      [this.sheet.width, this.sheet.height] = [columns, rows];
    }
    const { data } = this.pixels;
    data.fill(0);
    for (const { segment, runs } of here) lay(data, runs, segment);
    this.sheet.getContext("2d")?.putImageData(this.pixels, 0, 0);
    context.setTransform(placed);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.sheet, 0, 0);
    context.resetTransform();
  }

  private drawPlane(context: CanvasRenderingContext2D, view: View, shown: readonly SegmentState[], stack: readonly Frame[]): boolean {
    const space = spaceOfStack(stack);
    if (!space.isVolume) return false;
    const every = context.canvas.width * context.canvas.height > MOST_LOOKUPS ? 2 : 1;
    const [width, height] = [Math.ceil(context.canvas.width / every), Math.ceil(context.canvas.height / every)];
    if (!width || !height) return false;
    const step = every / devicePixelRatio;
    const from = toVoxel(space, view.toWorld(step / 2, step / 2));
    const far = 1000;
    const along = (x: number, y: number): number[] => toVoxel(space, view.toWorld(step / 2 + x * far * step, step / 2 + y * far * step)).map((one, axis) => (one - (from[axis as 0] ?? 0)) / far);
    const [right, down] = [along(1, 0), along(0, 1)];
    const picture = new ImageData(width, height);
    const colours = new Uint32Array(picture.data.buffer);
    const table = shown.map((segment) => colourWord(segment));
    const tops = space.keys.map((key) => this.topOf(key, shown, space));
    let isPainted = false;
    for (let y = 0; y < height; y += 1) {
      let [i, j, k] = [0, 1, 2].map((axis) => (from[axis as 0] ?? 0) + (down[axis] ?? 0) * y + 0.5) as [number, number, number];
      for (let x = 0; x < width; x += 1) {
        const [column, row, slice] = [Math.floor(i), Math.floor(j), Math.floor(k)];
        [i, j, k] = [i + (right[0] ?? 0), j + (right[1] ?? 0), k + (right[2] ?? 0)];
        if (column < 0 || row < 0 || column >= space.columns || row >= space.rows) continue;
        const top = tops[slice]?.[row * space.columns + column];
        if (!top) continue;
        colours[y * width + x] = table[top - 1] ?? 0;
        isPainted = true;
      }
    }
    if (!isPainted) return false;
    [this.sheet.width, this.sheet.height] = [width, height];
    this.pixels = null;
    this.sheet.getContext("2d")?.putImageData(picture, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.sheet, 0, 0, width * every, height * every);
    return true;
  }

  /** Returns of each pixel of a frame the place of the topmost segment among those shown, from 1; null for none. */
  private topOf(key: string, shown: readonly SegmentState[], { rows, columns }: Space): Uint8Array | null {
    const runs = shown.map(({ number }) => this.session.voxels.get(number, key));
    if (runs.every((own) => !own.length)) {
      this.flat.delete(key);
      return null;
    }
    const known = this.flat.get(key);
    if (known?.runs.length === runs.length && runs.every((own, at) => own === known.runs[at])) return known.top;
    const top = known?.top.length === rows * columns ? known.top.fill(0) : new Uint8Array(rows * columns);
    runs.forEach((own, at) => { fillRuns(top, own, Math.min(255, at + 1)); });
    this.flat.set(key, { runs, top });
    return top;
  }
}

function colourWord({ color, opacity }: SegmentState): number {
  const [red, green, blue] = channelsOf(color);
  return new Uint32Array(Uint8Array.of(red, green, blue, Math.round(opacity * 255)).buffer)[0] ?? 0;
}

/** Lays a segment over what is there already. */
function lay(data: Uint8ClampedArray, runs: Runs, { color, opacity }: SegmentState): void {
  const channels = channelsOf(color);
  const alpha = Math.round(opacity * 255);
  for (let at = 0; at < runs.length; at += 2) {
    const start = (runs[at] ?? 0) * 4;
    const end = start + (runs[at + 1] ?? 0) * 4;
    for (let to = start; to < end; to += 4) {
      const below = data[to + 3] ?? 0;
      if (!below) {
        [data[to], data[to + 1], data[to + 2]] = channels;
        data[to + 3] = alpha;
        continue;
      }
      const both = alpha + (below * (255 - alpha)) / 255;
      const share = alpha / both;
      for (let channel = 0; channel < 3; channel += 1) data[to + channel] = (channels[channel as 0] ?? 0) * share + (data[to + channel] ?? 0) * (1 - share);
      data[to + 3] = both;
    }
  }
}
