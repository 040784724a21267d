/** The track at the picture's right edge: which frames have come, which one is shown; drag it to scroll. */

import { useEffect, useRef, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";

import { useSession } from "../session";
import { activeFrames, NOT_LOADING, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";

const COLOURS = ["transparent", "#4b5563", "#b45309"];

export function SliceBar() {
  const { t } = useTranslation("viewer");
  const session = useSession();
  const count = useViewer((state) => activeFrames(state).length);
  const index = useViewer((state) => state.index);
  if (count < 2) return null;
  const drag = (event: PointerEvent<HTMLDivElement>): void => {
    if (!(event.buttons & 1)) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const { top, height } = event.currentTarget.getBoundingClientRect();
    session.stack.goTo(Math.round(((event.clientY - top) / height) * (count - 1)));
  };
  return (
    <div
      className={styles.sliceBar}
      role="slider"
      tabIndex={0}
      data-keys="page"
      aria-orientation="vertical"
      aria-label={t("slice_slider")}
      aria-valuemin={1}
      aria-valuemax={count}
      aria-valuenow={index + 1}
      onPointerDown={drag}
      onPointerMove={drag}
    >
      <LoadedTrack />
      <i className={styles.thumb} style={{ top: `${(index / (count - 1)) * 100}%` }} />
    </div>
  );
}

function LoadedTrack() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const mask = useViewer((state) => (state.loading[state.seriesUid ?? ""] ?? NOT_LOADING).mask);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!canvas.current || !context) return;
    canvas.current.width = 1;
    canvas.current.height = Math.max(1, mask.length);
    mask.forEach((state, index) => {
      context.fillStyle = COLOURS[state] ?? "transparent";
      context.fillRect(0, index, 1, 1);
    });
  }, [mask]);
  return <canvas ref={canvas} className={styles.track} aria-hidden />;
}
