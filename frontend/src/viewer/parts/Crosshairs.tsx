/** Where the other planes cut this one: drag the middle or a line to move them, a knob to turn them. */

import { useRef, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";

import { meeting, turned, type Cut } from "../logic/cuts";
import { PLANES, type Plane } from "../logic/layouts";
import { add, dot, scale, subtract, type Vec3 } from "../logic/vectors";
import { usePane, usePaneSession, useSession } from "../session";
import { useSegments } from "../state/segmentsStore";
import { framesOfPane, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";

/** Colours told apart also by those who see no red or no green (Okabe and Ito). */
const COLOURS: Record<Plane, string> = { axial: "#e69f00", coronal: "#56b4e9", sagittal: "#cc79a7" };
const FAR_MM = 2000;
/** The picture at the middle stays free, in CSS pixels. */
const GAP = 14;

export function Crosshairs() {
  const isOn = useViewer((state) => state.hasCrosshairs);
  const isPlane = usePane((pane) => pane.kind === "plane" && pane.shownSeriesUid !== null);
  const isAlone = useViewer((state) => state.panes.filter(({ kind }) => kind === "plane").length < 2);
  return isOn && isPlane && !isAlone ? <Cross /> : null;
}

function Cross() {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const pane = usePaneSession();
  const plane = usePane((own) => own.plane);
  const uid = usePane((own, state) => framesOfPane(state, own)[0]?.frameOfReferenceUid ?? "");
  const cut = useViewer((state) => state.cuts[uid]);
  // What is painted must not move the planes.
  const isStill = useSegments((state) => state.tool !== null);
  const svg = useRef<SVGSVGElement>(null);
  // What is drawn follows every move of the picture.
  usePane((own) => own.view);
  const { view } = pane;
  if (!cut || !view) return null;
  const center = view.toCanvas(cut.center);
  const others = PLANES.filter((one) => one !== plane);

  const dragged = (move: (from: Cut, start: Vec3, now: Vec3) => Cut) => (event: PointerEvent<SVGElement>): void => {
    if (event.button !== 0 || !svg.current) return;
    event.stopPropagation();
    const box = svg.current.getBoundingClientRect();
    const worldAt = ({ clientX, clientY }: { clientX: number; clientY: number }): Vec3 => view.toWorld(clientX - box.left, clientY - box.top);
    const start = worldAt(event);
    const onMove = (moved: globalThis.PointerEvent): void => { grid.onCut(uid, move(cut, start, worldAt(moved))); };
    const onUp = (): void => {
      window.removeEventListener("pointermove", onMove);
      window.removeEventListener("pointerup", onUp);
      grid.noteCut(uid, cut);
    };
    window.addEventListener("pointermove", onMove);
    window.addEventListener("pointerup", onUp);
  };
  const moveAll = dragged((from, start, now) => ({ ...from, center: add(from.center, subtract(now, start)) }));

  return (
    <svg ref={svg} className={styles.crosshairs} data-still={isStill || undefined} data-testid="crosshairs">
      {others.map((other) => {
        const direction = meeting(cut.facings[plane], cut.facings[other]);
        if (!direction) return null;
        const across = cut.facings[other].normal;
        const moveLine = dragged((from, start, now) => ({ ...from, center: add(from.center, scale(across, dot(subtract(now, start), across))) }));
        const turn = dragged((from, start, now) => turned(from, plane, angleBetween(from, plane, start, now)));
        const [a, b] = [view.toCanvas(add(cut.center, scale(direction, FAR_MM))), view.toCanvas(add(cut.center, scale(direction, -FAR_MM)))];
        return <Line key={other} colour={COLOURS[other]} center={center} ends={[a, b]} onMove={moveLine} onTurn={turn} turnName={t("crosshairs.turn")} />;
      })}
      <circle className={styles.crossMiddle} cx={center[0]} cy={center[1]} r={GAP} onPointerDown={moveAll} onPointerDownCapture={() => { grid.activate(pane.place); }} />
    </svg>
  );
}

/** Returns by how much a point was turned about the cut's middle, seen against the plane's normal, in radians. */
function angleBetween({ center, facings }: Cut, plane: Plane, start: Vec3, now: Vec3): number {
  const { normal, up } = facings[plane];
  const right: Vec3 = [up[1] * normal[2] - up[2] * normal[1], up[2] * normal[0] - up[0] * normal[2], up[0] * normal[1] - up[1] * normal[0]];
  const angle = (point: Vec3): number => Math.atan2(dot(subtract(point, center), up), dot(subtract(point, center), right));
  return angle(now) - angle(start);
}

type Point = readonly [number, number];

interface LineProps {
  colour: string;
  center: Point;
  ends: readonly [Point, Point];
  onMove: (event: PointerEvent<SVGElement>) => void;
  onTurn: (event: PointerEvent<SVGElement>) => void;
  turnName: string;
}

function Line({ colour, center, ends, onMove, onTurn, turnName }: LineProps) {
  return (
    <g style={{ color: colour }}>
      {ends.map((end, place) => {
        const size = Math.hypot(end[0] - center[0], end[1] - center[1]) || 1;
        const unit = [(end[0] - center[0]) / size, (end[1] - center[1]) / size] as const;
        const at = (distance: number): Point => [center[0] + unit[0] * distance, center[1] + unit[1] * distance];
        const [from, knob] = [at(GAP), at(96)];
        return (
          <g key={place}>
            <line className={styles.crossLine} x1={from[0]} y1={from[1]} x2={end[0]} y2={end[1]} />
            <line className={styles.crossGrip} x1={from[0]} y1={from[1]} x2={end[0]} y2={end[1]} onPointerDown={onMove} />
            <circle className={styles.crossKnob} cx={knob[0]} cy={knob[1]} r={5} onPointerDown={onTurn}><title>{turnName}</title></circle>
          </g>
        );
      })}
    </g>
  );
}
