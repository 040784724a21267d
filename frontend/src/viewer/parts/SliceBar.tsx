/** The track at the picture's right edge: which frames have come, which one is shown; drag it to scroll. */

import { useEffect, useMemo, useRef, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";

import { usePane, usePaneSession } from "../session";
import { NOT_LOADING, placeOfPane } from "../state/viewerStore";
import styles from "../viewer.module.css";

const COLOURS = ["transparent", "#4b5563", "#b45309"];

export function SliceBar() {
  const { t } = useTranslation("viewer");
  const pane = usePaneSession();
  const count = usePane((own, state) => placeOfPane(state, own).count);
  const index = usePane((own, state) => placeOfPane(state, own).index);
  const isSolid = usePane((own) => own.kind === "solid");
  if (count < 2 || isSolid) return null;
  const drag = (event: PointerEvent<HTMLDivElement>): void => {
    if (!(event.buttons & 1)) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const { top, height } = event.currentTarget.getBoundingClientRect();
    pane.scrollBy(Math.round(((event.clientY - top) / height) * (count - 1)) - index);
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
  const whole = usePane((own, state) => (state.loading[own.seriesUid ?? ""] ?? NOT_LOADING).mask);
  const [phase, phases] = [usePane((own) => own.phase), usePane((own, state) => placeOfPane(state, own).phases)];
  const mask = useMemo(() => whole.subarray((whole.length / phases) * phase, (whole.length / phases) * (phase + 1)), [whole, phase, phases]);
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
