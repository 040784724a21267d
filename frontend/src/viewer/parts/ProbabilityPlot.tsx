/** The model's probability of each slice, under the picture: it grows while the model runs; a click goes to the slice. */

import { useLayoutEffect, useMemo, useRef, useState, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";

import { figure, percent } from "../logic/format";
import type { Frame } from "../logic/frames";
import { frameKey, isOnSlice, NO_PIECES, probabilities, type Box, type Pieces } from "../logic/pieces";
import { useSession } from "../session";
import { foundBoxes, useAnalyses, verdictOf } from "../state/analysesStore";
import { sliceOf } from "../state/findings";
import { activeFrames, activePane, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { taskOf, useTaskShown, type Task } from "./task";

const COLOURS = { low: "#5b7fa6", high: "#f59e0b", line: "rgb(255 255 255 / 45%)", here: "#ffffff" };

/** Returns the probabilities of the open stack's frames (NaN: not yet), or null when nothing has been said. */
function useProbabilities(): Float32Array | null {
  const frames = useViewer(activeFrames);
  const keys = useMemo(() => frames.map((frame) => frameKey(frame.sopInstanceUid, frame.frameNumber)), [frames]);
  const shown = useAnalyses(({ byJob, shownJob }) => byJob[shownJob]);
  const pieces = shown?.pieces ?? NO_PIECES;
  const boxes = shown && taskOf(shown.analysis.task) === "detection" ? foundBoxes(shown) : null;
  return useMemo(() => {
    if (!pieces.byFrame.size || keys.length < 2) return null;
    const values = probabilities(pieces, keys);
    return boxes ? bestOnSlices(values, frames, pieces, boxes) : values;
  }, [pieces, keys, frames, boxes]);
}

/** What stands over the plot, by task. */
const LABELS = { classification: "per_slice", segmentation: "share_per_slice", detection: "best_per_slice", autoencoder: "anomaly_per_slice", generation: "per_slice" } as const;

/** Probabilities fill the plot at 1; what is no probability, at its greatest. */
function fullOf(task: Task | null, values: Float32Array, threshold: number | null): number {
  if (task === "classification" || task === "detection") return 1;
  return values.reduce((most, value) => (value > most ? value : most), (threshold ?? 0) * 1.2) || 1;
}

/** Scores are no shares. */
function written(task: Task, value: number): string {
  if (task === "detection") return value.toFixed(2);
  return task === "autoencoder" ? figure(value) : percent(value);
}

/** A box is told with the slice in which its middle lies, and counts on each slice that it reaches over. */
function bestOnSlices(told: Float32Array, frames: readonly Frame[], pieces: Pieces, boxes: readonly Box[]): Float32Array {
  const best = new Map<number, number>();
  for (const box of boxes) {
    for (let slice = Math.floor(box.low[0] ?? 0); slice < (box.high[0] ?? 0); slice += 1) {
      if (isOnSlice(box, slice)) best.set(slice, Math.max(best.get(slice) ?? 0, box.score));
    }
  }
  return told.map((value, place) => {
    const frame = frames[place];
    return Number.isNaN(value) || !frame ? value : (best.get(sliceOf(pieces, frames, frame)) ?? 0);
  });
}

function useThreshold(): number | null {
  return useAnalyses(({ byJob, shownJob }) => {
    const shown = byJob[shownJob];
    return (shown && verdictOf(shown)?.threshold) || null;
  });
}

export function ProbabilityPlot() {
  const values = useProbabilities();
  const isStack = useViewer((state) => activePane(state).kind === "stack");
  return values && isStack ? <Plot values={values} /> : null;
}

function Plot({ values }: { values: Float32Array }) {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const index = useViewer((state) => activePane(state).index);
  const threshold = useThreshold();
  const task = useTaskShown() ?? "classification";
  const full = fullOf(task, values, threshold);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(canvas);
  useLayoutEffect(() => {
    if (canvas.current) draw(canvas.current, { values, threshold, here: index, full });
  }, [values, threshold, index, full, width]);
  const drag = (event: PointerEvent<HTMLCanvasElement>): void => {
    if (!(event.buttons & 1)) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const { left, width: extent } = event.currentTarget.getBoundingClientRect();
    grid.active.goTo(Math.floor(((event.clientX - left) / extent) * values.length));
  };
  const here = values[index] ?? Number.NaN;
  return (
    <div className={styles.plot}>
      <span className={styles.plotLabel}>{t(`ai.${LABELS[task]}`)}</span>
      <b className={styles.plotValue} data-high={(threshold !== null && here >= threshold) || undefined}>{Number.isNaN(here) ? "–" : written(task, here)}</b>
      <canvas ref={canvas} role="img" aria-label={t(`ai.${LABELS[task]}`)} data-testid="plot" onPointerDown={drag} onPointerMove={drag} />
    </div>
  );
}

function useWidth(canvas: React.RefObject<HTMLCanvasElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!canvas.current) return undefined;
    const observer = new ResizeObserver(([entry]) => { setWidth(entry?.contentRect.width ?? 0); });
    observer.observe(canvas.current);
    return () => { observer.disconnect(); };
  }, [canvas]);
  return width;
}

interface Drawing {
  values: Float32Array;
  threshold: number | null;
  here: number;
  /** The value that reaches the top. */
  full: number;
}

function draw(canvas: HTMLCanvasElement, { values, threshold, here, full }: Drawing): void {
  const [width, height, dpr] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio];
  [canvas.width, canvas.height] = [Math.round(width * dpr), Math.round(height * dpr)];
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(dpr, dpr);
  const step = width / values.length;
  values.forEach((value, index) => {
    if (Number.isNaN(value)) return;
    const bar = Math.max(1.5, (value / full) * (height - 2));
    context.fillStyle = threshold !== null && value >= threshold ? COLOURS.high : COLOURS.low;
    context.fillRect(index * step, height - bar, Math.max(1, step - (step > 4 ? 1 : 0)), bar);
  });
  if (threshold !== null) {
    context.strokeStyle = COLOURS.line;
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(0, height - (threshold / full) * (height - 2));
    context.lineTo(width, height - (threshold / full) * (height - 2));
    context.stroke();
  }
  context.fillStyle = COLOURS.here;
  context.fillRect((here + 0.5) * step - 0.75, 0, 1.5, height);
}
