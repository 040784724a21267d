/** Paints what a model says over the picture: without React, since it follows every move and every piece. */

import type { StackView } from "../cornerstone/stackView";
import type { Frame } from "../logic/frames";
import { LayerCache, type Layer } from "../logic/layers";
import { frameKey, isOnSlice, isSameBox } from "../logic/pieces";
import { colourOf, colourTable, type SegmentStyle } from "../logic/segments";
import { foundBoxes, segmentsOf, useAnalyses, versionOf, type AnalysisView } from "../state/analysesStore";
import { styleOf, useDisplay } from "../state/displayStore";
import { isShown, shownView, sliceOf } from "../state/findings";
import type { PaneSession } from "../state/paneSession";
import { framesOfPane, paneAt, shownFrameOf, useViewer } from "../state/viewerStore";
import { drawBox } from "./boxes";
import { activationTable, ANOMALY_TABLE, DIFFERENCE_TABLE, GREY_TABLE } from "./heat";
import { drawOutlines } from "./outlines";
import { clipToFrame, drawSheet, frameToCanvas, isStack, layerToCanvas, Sheet } from "./picture";

/** So many boxes of a slice have their class and score written beside them; of more the texts would hide the image. */
const MOST_TEXTS = 8;
/** Slices on either side that are unpacked before they are looked at. */
const AHEAD = 3;
const HIGHEST_OBJECT = 65_535;

/** One look at one slice. */
interface Scene {
  view: StackView;
  frame: Frame;
  shown: AnalysisView;
  slice: number;
  layers: readonly Layer[];
}

export class ResultPainter {
  private readonly cache = new LayerCache(() => { this.soon(); });
  private readonly over = new Sheet();
  private readonly whole = new Sheet();
  private readonly stops: readonly (() => void)[];
  private request = 0;
  private colours: { key: readonly unknown[]; table: Uint32Array } = { key: [], table: new Uint32Array(1) };

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly beside: HTMLCanvasElement,
    private readonly pane: PaneSession,
  ) {
    this.stops = [
      // The picture has just been drawn: what lies over it must be of the same slice.
      useViewer.subscribe((now, before) => {
        const [is, was] = [paneAt(now, this.pane.place), paneAt(before, this.pane.place)];
        if (is.view !== was.view || is.shownImageId !== was.shownImageId || is.seriesUid !== was.seriesUid) this.draw();
      }),
      useAnalyses.subscribe((now, before) => {
        if (now.byJob[now.shownJob] !== before.byJob[before.shownJob] || now.models !== before.models) this.soon();
      }),
      useDisplay.subscribe(() => { this.soon(); }),
    ];
    this.draw();
  }

  destroy(): void {
    cancelAnimationFrame(this.request);
    for (const stop of this.stops) stop();
  }

  private soon(): void {
    this.request ||= requestAnimationFrame(() => {
      this.request = 0;
      this.draw();
    });
  }

  private draw(): void {
    const context = cleared(this.canvas);
    const besides = cleared(this.beside);
    const scene = this.scene();
    let isPainted = false;
    if (scene && context) {
      isPainted = this.drawOver(context, scene);
      if (besides && this.beside.width > 0) this.drawWhole(besides, scene, useDisplay.getState().look === "difference");
    }
    this.canvas.dataset.painted = String(isPainted);
  }

  private scene(): Scene | null {
    const state = useViewer.getState();
    const pane = paneAt(state, this.pane.place);
    const [frame, shown, { view }] = [shownFrameOf(state, pane), shownView(), this.pane];
    if (!frame || !shown || !isStack(view) || !pane.view || shown.analysis.series_instance_uid !== pane.shownSeriesUid) return null;
    const frames = framesOfPane(state, pane);
    const slice = sliceOf(shown.pieces, frames, frame);
    const layers = shown.mask ? [shown.mask.layer(slice)].filter((one) => one !== null) : this.layersOf(shown, frames, pane.index, frame);
    return { view, frame, shown, slice, layers };
  }

  /** Returns what came with the frame's piece, and has its neighbours' unpacked too. */
  private layersOf({ pieces }: AnalysisView, frames: readonly Frame[], index: number, frame: Frame): readonly Layer[] {
    const packedOf = (one: Frame | undefined) => (one ? pieces.byFrame.get(frameKey(one.sopInstanceUid, one.frameNumber))?.packed : null);
    const near = Array.from({ length: AHEAD }, (_, step) => [frames[index - step - 1], frames[index + step + 1]]).flat();
    const packed = packedOf(frame);
    const layers = packed?.layers.length ? this.cache.get(packed) : [];
    for (const one of near) {
      const waiting = packedOf(one);
      if (waiting?.layers.length) this.cache.get(waiting);
    }
    return layers ?? [];
  }

  private drawOver(context: CanvasRenderingContext2D, scene: Scene): boolean {
    const { isVisible, look, isSideBySide } = useDisplay.getState();
    if (look !== "original" && !isSideBySide && this.drawWhole(context, scene, look === "difference")) return true;
    if (!isVisible) return false;
    context.save();
    const layers = scene.layers.filter((layer) => this.drawLayer(context, scene, layer));
    context.restore();
    return this.drawBoxes(context, scene) > 0 || layers.length > 0;
  }

  private drawLayer(context: CanvasRenderingContext2D, { view, frame, shown }: Scene, layer: Layer): boolean {
    const onFrame = frameToCanvas(view);
    const placed = layerToCanvas(onFrame, layer);
    const { opacity } = useDisplay.getState();
    clipToFrame(context, frame, onFrame);
    switch (layer.kind) {
      case "mask":
        this.drawMask(context, shown, layer, placed);
        return true;
      case "activation":
      case "anomaly": {
        const table = layer.kind === "anomaly" ? ANOMALY_TABLE : this.table([layer.scale], () => activationTable(layer.scale));
        drawSheet(context, this.over.of(layer, table), placed, { opacity, isSmooth: true });
        return true;
      }
      default:
        return false;
    }
  }

  private drawMask(context: CanvasRenderingContext2D, shown: AnalysisView, layer: Layer, placed: DOMMatrix): void {
    const { styles, isFilled, opacity } = useDisplay.getState();
    const { models } = useAnalyses.getState();
    const style = maskStyle(shown, models, styles);
    const highest = shown.analysis.result?.mask?.is_instances ? HIGHEST_OBJECT : 255;
    if (isFilled) {
      const table = this.table([shown.analysis, models, styles, highest], () => colourTable(highest, style));
      drawSheet(context, this.over.of(layer, table), placed, { opacity, isSmooth: false });
    }
    drawOutlines(context, layer, placed, style);
  }

  /** Draws the model's own picture of the slice in the place of the slice; false where there is none. */
  private drawWhole(context: CanvasRenderingContext2D, { view, frame, layers }: Scene, isDifference: boolean): boolean {
    const layer = layers.find(({ kind }) => kind === (isDifference ? "anomaly" : "reconstruction"));
    if (!layer) return false;
    context.fillStyle = "#000";
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    const onFrame = frameToCanvas(view);
    context.save();
    clipToFrame(context, frame, onFrame);
    drawSheet(context, this.whole.of(layer, isDifference ? DIFFERENCE_TABLE : GREY_TABLE), layerToCanvas(onFrame, layer), { opacity: 1, isSmooth: true });
    context.restore();
    return true;
  }

  private drawBoxes(context: CanvasRenderingContext2D, { view, shown, slice }: Scene): number {
    const { leastScore, selectedBox } = useDisplay.getState();
    const classes = versionOf(shown.analysis, useAnalyses.getState().models)?.classes ?? [];
    const boxes = foundBoxes(shown).filter((box) => isShown(box, leastScore) && isOnSlice(box, slice));
    if (!boxes.length) return 0;
    const onFrame = frameToCanvas(view);
    const looks = boxes.map((box, place) => {
      const isSelected = selectedBox !== null && isSameBox(box, selectedBox);
      const text = place < MOST_TEXTS || isSelected ? `${box.label} ${box.score.toFixed(2)}` : "";
      return { box, look: { colour: colourOf(Math.max(0, classes.indexOf(box.label)) + 1), isSelected, text } };
    });
    // The best lie on top, and the chosen one on top of them.
    looks.reverse().sort((a, b) => Number(a.look.isSelected) - Number(b.look.isSelected));
    for (const { box, look } of looks) drawBox(context, box, onFrame, look);
    return boxes.length;
  }

  /** Returns the colours that were made last where they are still the ones that are wanted. */
  private table(key: readonly unknown[], make: () => Uint32Array): Uint32Array {
    const isSame = key.length === this.colours.key.length && key.every((part, place) => part === this.colours.key[place]);
    if (!isSame) this.colours = { key, table: make() };
    return this.colours.table;
  }
}

/** Returns how a mask's number looks. Objects of one class have colours of their own, and are shown or hidden together. */
function maskStyle(shown: AnalysisView, models: Parameters<typeof segmentsOf>[1], styles: ReturnType<typeof useDisplay.getState>["styles"]): (number: number) => SegmentStyle {
  const segments = segmentsOf(shown, models);
  if (shown.analysis.result?.mask?.is_instances) {
    const ofAll = styleOf(styles, segments[0]?.label ?? "", 1);
    return (number) => ({ ...ofAll, colour: colourOf(number) });
  }
  const byNumber = new Map(segments.map(({ number, label }) => [number, styleOf(styles, label, number)]));
  return (number) => byNumber.get(number) ?? styleOf(styles, "", number);
}

/** Fits a canvas to its place on the screen, and clears it. */
function cleared(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  const [width, height] = [Math.round(canvas.clientWidth * devicePixelRatio), Math.round(canvas.clientHeight * devicePixelRatio)];
  const context = canvas.getContext("2d");
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  else context?.clearRect(0, 0, width, height);
  return context;
}
