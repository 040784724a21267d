/** Paints over the picture where the model looked; it follows every move of the picture. */

import { useLayoutEffect, useRef } from "react";

import type { StackView } from "../cornerstone/stackView";
import { frameKey, type ActivationMap } from "../logic/pieces";
import { useSession } from "../session";
import { useAnalyses } from "../state/analysesStore";
import { shownFrame, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { heatOf } from "./heat";

function useShownMap(): ActivationMap | null {
  const frame = useViewer(shownFrame);
  return useAnalyses(({ byJob, shownJob }) => {
    if (!frame) return null;
    return byJob[shownJob]?.pieces.byFrame.get(frameKey(frame.sopInstanceUid, frame.frameNumber))?.map ?? null;
  });
}

export function MapOverlay() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { stack } = useSession();
  const map = useShownMap();
  // Every move of the picture makes a new view.
  const view = useViewer((state) => state.view);
  const isVisible = useAnalyses((state) => state.isMapVisible);
  const opacity = useAnalyses((state) => state.mapOpacity);
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    fitToScreen(element);
    if (map && view && isVisible && stack.view) paint(context, stack.view, map, opacity);
  }, [stack, map, view, isVisible, opacity]);
  return <canvas ref={canvas} className={styles.mapOverlay} data-testid="map" data-painted={Boolean(map && isVisible)} aria-hidden />;
}

/** Setting the size also clears. */
function fitToScreen(canvas: HTMLCanvasElement): void {
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
  canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
}

function paint(context: CanvasRenderingContext2D, view: StackView, map: ActivationMap, opacity: number): void {
  const [top, left, bottom, right] = map.region;
  const corner = view.toCanvas(view.pixelToWorld(left, top));
  const alongRow = view.toCanvas(view.pixelToWorld(right, top));
  const alongColumn = view.toCanvas(view.pixelToWorld(left, bottom));
  const dpr = devicePixelRatio;
  context.setTransform(
    ((alongRow[0] - corner[0]) / map.columns) * dpr,
    ((alongRow[1] - corner[1]) / map.columns) * dpr,
    ((alongColumn[0] - corner[0]) / map.rows) * dpr,
    ((alongColumn[1] - corner[1]) / map.rows) * dpr,
    corner[0] * dpr,
    corner[1] * dpr,
  );
  context.globalAlpha = opacity;
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(heatOf(map), 0, 0);
}
