/** The segments over a pane's picture, and what the pointer does to them while a tool of theirs is chosen. */

import { useLayoutEffect, useRef, type PointerEvent } from "react";

import { SegmentPainter, spaceOfStack } from "../paint/segmentPainter";
import { volumeStack } from "../logic/cuts";
import { cross, normalize, subtract, type Vec3 } from "../logic/vectors";
import { normalOf, toPatient, toVoxel, type Space } from "../segmentation/space";
import { addOutline, type Covered } from "../segmentation/strokes";
import { usePane, usePaneSession, useSession } from "../session";
import { activeSegment, useSegments } from "../state/segmentsStore";
import type { PaneSession } from "../state/paneSession";
import type { SegmentSession } from "../state/segmentSession";
import { framesOfPane, paneAt, shownFrameOf, useViewer } from "../state/viewerStore";
import { isIn, Stroke } from "./stroke";
import styles from "./segments.module.css";
import { growAt, islandAt } from "./whole";

export function PaintLayer() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ring = useRef<HTMLDivElement>(null);
  const lasso = useRef<SVGPolygonElement>(null);
  const pane = usePaneSession();
  const { segments } = useSession();
  const isHere = useSegments(({ openId, rows, tool }) => tool !== null && openId !== null && rows[openId]?.series_instance_uid) || "";
  const isOn = usePane(({ shownSeriesUid, kind }) => isHere !== "" && shownSeriesUid === isHere && kind !== "solid");
  const tool = useSegments((state) => state.tool);
  useLayoutEffect(() => {
    if (!canvas.current) return undefined;
    const painter = new SegmentPainter(canvas.current, pane, segments);
    return () => { painter.destroy(); };
  }, [pane, segments]);
  const pointer = usePointer(pane, segments, ring, lasso);
  const over = useRef<HTMLDivElement>(null);
  useForwarding(over, pane);
  return (
    <>
      <canvas ref={canvas} className={styles.layer} data-testid="segments-layer" aria-hidden />
      <div ref={over} className={styles.pointer} data-on={isOn || undefined} data-tool={tool} data-testid="paint" {...(isOn ? pointer : {})}>
        <div ref={ring} className={styles.ring} hidden />
        <svg className={styles.lasso}><polygon ref={lasso} /></svg>
      </div>
    </>
  );
}

/** What is not the tool's (other buttons, Ctrl and Shift, two fingers) goes on to the picture below. */
function useForwarding(over: Ref<HTMLDivElement>, pane: PaneSession): void {
  useLayoutEffect(() => {
    const element = over.current;
    if (!element) return undefined;
    const mouse = (event: MouseEvent): void => {
      if (event.button !== 0 || event.ctrlKey || event.shiftKey) pane.view?.element.dispatchEvent(new MouseEvent(event.type, event));
    };
    let isGesture = false;
    const touch = (event: TouchEvent): void => {
      isGesture = event.touches.length > 1 || (isGesture && event.touches.length > 0) || (isGesture && event.type !== "touchstart");
      if (!isGesture) return;
      const { touches, targetTouches, changedTouches } = event;
      pane.view?.element.dispatchEvent(new TouchEvent(event.type, { bubbles: true, cancelable: true, touches: [...touches], targetTouches: [...targetTouches], changedTouches: [...changedTouches] }));
      if (!event.touches.length) isGesture = false;
    };
    const kinds = ["touchstart", "touchmove", "touchend", "touchcancel"] as const;
    element.addEventListener("mousedown", mouse);
    for (const kind of kinds) element.addEventListener(kind, touch, { passive: true });
    return () => {
      element.removeEventListener("mousedown", mouse);
      for (const kind of kinds) element.removeEventListener(kind, touch);
    };
  }, [over, pane]);
}

/** Where a point of the pane lies: in the patient, and in which plane it is looked at. */
interface Spot {
  space: Space;
  point: Vec3;
  normal: Vec3;
  worldPerPixel: number;
}

function spotOf(pane: PaneSession, x: number, y: number): Spot | null {
  const state = useViewer.getState();
  const own = paneAt(state, pane.place);
  const { view } = pane;
  if (!view || !own.view) return null;
  const stack = volumeStack(framesOfPane(state, own), own.phase);
  const space = spaceOfStack(stack);
  const { worldPerPixel } = own.view;
  if (own.kind === "plane") {
    const [origin, right, down] = [view.toWorld(0, 0), view.toWorld(100, 0), view.toWorld(0, 100)];
    return { space, point: view.toWorld(x, y), normal: normalize(cross(subtract(right, origin), subtract(down, origin))), worldPerPixel };
  }
  // What is seen is painted on, also where another one is on its way.
  const frame = shownFrameOf(state, own);
  const slice = frame ? stack.indexOf(frame) : -1;
  if (!frame || slice < 0) return null;
  const world = view.toWorld(x, y);
  // Pictures that say nothing of where they lie stand each at the page's own origin.
  if (!space.isVolume) {
    const [rowMm, columnMm] = frame.pixelMm ?? [1, 1];
    const from = frame.position && frame.orientation ? subtract(world, frame.position) : world;
    const along = (axis: Vec3): number => from[0] * axis[0] + from[1] * axis[1] + from[2] * axis[2];
    const [u, v] = frame.orientation && frame.position ? [along(frame.orientation.row), along(frame.orientation.column)] : [world[0], world[1]];
    return { space, point: toPatient(space, [u / columnMm, v / rowMm, slice]), normal: normalOf(space), worldPerPixel };
  }
  const [column, row] = toVoxel(space, world);
  return { space, point: toPatient(space, [column, row, slice]), normal: normalOf(space), worldPerPixel };
}

type Ref<Element> = React.RefObject<Element | null>;

function usePointer(pane: PaneSession, session: SegmentSession, ring: Ref<HTMLDivElement>, lasso: Ref<SVGPolygonElement>) {
  const drawing = useRef<{ stroke: Stroke | null; shape: { x: number; y: number }[]; spot: Spot; id: number } | null>(null);
  const at = ({ clientX, clientY, currentTarget }: PointerEvent<HTMLElement>): { x: number; y: number } => {
    const { left, top } = currentTarget.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const showRing = ({ x, y }: { x: number; y: number }): void => {
    const { tool, brushMm } = useSegments.getState();
    const perPixel = paneAt(useViewer.getState(), pane.place).view?.worldPerPixel ?? 1;
    const size = Math.max(3, (brushMm / perPixel) * 2);
    const isRound = tool === "brush" || tool === "erase" || tool === "push";
    if (!ring.current) return;
    ring.current.hidden = !isRound;
    Object.assign(ring.current.style, { width: `${size}px`, height: `${size}px`, transform: `translate(${x - size / 2}px, ${y - size / 2}px)`, borderColor: activeSegment(useSegments.getState())?.color ?? "#fff" });
  };
  const showShape = (points: readonly { x: number; y: number }[]): void => {
    lasso.current?.setAttribute("points", points.map(({ x, y }) => `${x},${y}`).join(" "));
  };
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>): void => {
      // A second finger: what the first one began was no stroke.
      if (!event.isPrimary && drawing.current) {
        drawing.current.stroke?.cancel();
        drawing.current = null;
        showShape([]);
      }
      const isOurs = event.button === 0 && event.isPrimary && !event.ctrlKey && !event.shiftKey;
      if (!isOurs) return;
      const place = at(event);
      const spot = spotOf(pane, place.x, place.y);
      const segment = activeSegment(useSegments.getState());
      if (!spot || !segment || segment.is_locked || segment.is_hidden) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      begin(session, pane, spot, segment.number, place, event, drawing);
    },
    onPointerMove: (event: PointerEvent<HTMLElement>): void => {
      const place = at(event);
      showRing(place);
      const now = drawing.current;
      if (now?.id !== event.pointerId) return;
      if (now.stroke) {
        for (const one of event.nativeEvent.getCoalescedEvents?.().slice(0, -1) ?? []) {
          const { left, top } = event.currentTarget.getBoundingClientRect();
          const spot = spotOf(pane, one.clientX - left, one.clientY - top);
          if (spot) now.stroke.to(spot.point);
        }
        const spot = spotOf(pane, place.x, place.y);
        if (spot) now.stroke.to(spot.point);
      } else {
        now.shape = shapeOf(now.shape, place);
        showShape(corners(now.shape));
      }
    },
    onPointerUp: (event: PointerEvent<HTMLElement>): void => {
      const now = drawing.current;
      if (now?.id !== event.pointerId) return;
      drawing.current = null;
      showShape([]);
      const { tool } = useSegments.getState();
      if (now.stroke) now.stroke.end(tool === "push" ? "contour" : tool === "erase" ? "erase" : "brush");
      else cut(session, pane, now.spot, corners(now.shape));
    },
    onPointerCancel: (): void => {
      drawing.current?.stroke?.cancel();
      drawing.current = null;
      showShape([]);
    },
    onPointerLeave: (): void => { if (ring.current) ring.current.hidden = true; },
  };
}

interface Drawing {
  current: { stroke: Stroke | null; shape: { x: number; y: number }[]; spot: Spot; id: number } | null;
}

function begin(session: SegmentSession, pane: PaneSession, spot: Spot, number: number, place: { x: number; y: number }, event: PointerEvent, drawing: Drawing): void {
  const { tool, brushMm, isBall, isThrough } = useSegments.getState();
  const voxel = toVoxel(spot.space, spot.point);
  const seed = [Math.round(voxel[2]), Math.round(voxel[1]) * spot.space.columns + Math.round(voxel[0])] as const;
  if (tool === "grow") {
    const width = paneAt(useViewer.getState(), pane.place).view?.window?.width ?? 100;
    void growAt(session, spot.space, seed, width / 10, isThrough);
    return;
  }
  if (tool === "island") return islandAt(session, spot.space, seed, event.altKey);
  const isRound = tool === "brush" || tool === "erase" || tool === "push";
  if (!isRound) {
    drawing.current = { stroke: null, shape: [place], spot, id: event.pointerId };
    return;
  }
  // The ball pushes the outline from the side that it was put down on.
  const isTaking = tool === "erase" || event.altKey || (tool === "push" && !isIn(session, number, spot.space, voxel));
  const stroke = new Stroke(session, spot.space, number, isTaking ? "take" : "add", spot.normal, { radiusMm: brushMm, isBall });
  drawing.current = { stroke, shape: [], spot, id: event.pointerId };
  stroke.to(spot.point);
}

function shapeOf(shape: { x: number; y: number }[], place: { x: number; y: number }): { x: number; y: number }[] {
  const { tool } = useSegments.getState();
  return tool === "scissors" ? [...shape, place] : [...shape.slice(0, 1), place];
}

/** Returns the corners of what has been drawn: of a circle from its middle, many. */
function corners(shape: readonly { x: number; y: number }[]): { x: number; y: number }[] {
  const { tool } = useSegments.getState();
  const [a, b] = [shape[0], shape.at(-1)];
  if (!a || !b || tool === "scissors") return [...shape];
  if (tool === "rectangle") return [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }];
  const radius = Math.hypot(b.x - a.x, b.y - a.y);
  return Array.from({ length: 64 }, (_, at) => ({ x: a.x + radius * Math.cos((at * Math.PI) / 32), y: a.y + radius * Math.sin((at * Math.PI) / 32) }));
}

/** Fills what was drawn around, or takes it away. */
function cut(session: SegmentSession, pane: PaneSession, { space, normal }: Spot, outline: readonly { x: number; y: number }[]): void {
  const { active, isCutting, isThrough } = useSegments.getState();
  const points = outline.flatMap(({ x, y }) => {
    const spot = spotOf(pane, x, y);
    return spot ? [spot.point] : [];
  });
  const covered: Covered = new Map();
  addOutline(covered, space, points, normal, isThrough);
  const stroke = new Stroke(session, space, active, isCutting ? "take" : "add", normal, { radiusMm: 1, isBall: false });
  stroke.cover(covered);
  stroke.end("scissors");
}
