/** The picture, with everything that lies over it and the strips beside it. */

import { Button, Loader } from "@mantine/core";
import { useEffect, useRef, type PointerEvent, type RefObject } from "react";
import { useTranslation } from "react-i18next";

import { useCine, useWheel } from "../hooks";
import { useSession } from "../session";
import { activeFrames, activeSeries, NOT_LOADING, useViewer, type ViewerState } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { Overlays } from "./Overlays";
import { ProbabilityPlot } from "./ProbabilityPlot";
import { ResultOverlay, useIsSplit } from "./ResultOverlay";
import { SliceBar } from "./SliceBar";

export function Viewport() {
  const session = useSession();
  const pane = useRef<HTMLDivElement>(null);
  const picture = useRef<HTMLDivElement>(null);
  useWheel(pane, session);
  useCine(session);
  useEffect(() => {
    const element = picture.current;
    if (!element) return undefined;
    session.stack.attach(element);
    return () => { session.stack.detach(); };
  }, [session]);
  const probing = useProbe(picture);
  const tool = useViewer((state) => state.tool);
  const isHidden = useViewer((state) => !isOfStack(state) || troubleOf(state) !== "");
  const isSingle = useViewer((state) => activeFrames(state).length < 2);
  const isSplit = useIsSplit();
  return (
    <div className={styles.viewport}>
      <div ref={pane} className={styles.pane} data-single={isSingle || undefined} data-split={isSplit || undefined} {...probing} onContextMenu={(event) => { event.preventDefault(); }}>
        {/* Another stack's picture must not stand under this one's texts. */}
        <div className={styles.stage} data-hidden={isHidden || undefined}>
          <div ref={picture} className={styles.picture} data-tool={tool} data-testid="picture" />
          <ResultOverlay isSplit={isSplit} />
          <Overlays />
        </div>
        <Waiting />
        <SliceBar />
      </div>
      <ProbabilityPlot />
    </div>
  );
}

const isOfStack = (state: ViewerState): boolean => state.shownSeriesUid === state.seriesUid;

/** Tells the value under the mouse, also when the picture moves under it. */
function useProbe(picture: RefObject<HTMLElement | null>) {
  const { stack } = useSession();
  const place = useRef<{ x: number; y: number } | null>(null);
  const view = useViewer((state) => state.view);
  useEffect(() => {
    if (place.current) useViewer.setState({ probe: stack.view?.probe(place.current.x, place.current.y) ?? null });
  }, [stack, view]);
  return {
    onPointerMove: ({ clientX, clientY, pointerType }: PointerEvent): void => {
      if (pointerType !== "mouse" || !picture.current) return;
      const { left, top } = picture.current.getBoundingClientRect();
      place.current = { x: clientX - left, y: clientY - top };
      useViewer.setState({ probe: stack.view?.probe(place.current.x, place.current.y) ?? null });
    },
    onPointerLeave: (): void => {
      place.current = null;
      useViewer.setState({ probe: null });
    },
  };
}

/** Returns why there is no picture, as the key of a text; "" when there is one or one is to come. */
function troubleOf(state: ViewerState): string {
  if (!state.study) return "";
  if (!state.study.series.length) return "no_series";
  if (!state.study.series.some((series) => series.is_displayable)) return "no_displayable";
  const loading = state.loading[state.seriesUid ?? ""] ?? NOT_LOADING;
  if (loading.state === "failed") return loading.total === 0 && activeSeries(state)?.number_of_frames ? "series_failed" : "reason.no_frames";
  return loading.mask[state.index] === 2 ? "reason.frame_failed" : "";
}

/** Says why there is no picture, or that the one on screen is not yet the one that is wanted. */
function Waiting() {
  const { t } = useTranslation("viewer");
  const { stack } = useSession();
  const trouble = useViewer(troubleOf);
  const isWaiting = useViewer((state) => {
    if (!state.study?.series.length) return false;
    return activeFrames(state)[state.index]?.imageId !== state.shownImageId || !state.shownImageId;
  });
  if (!trouble) return isWaiting ? <div className={styles.waiting}><Loader size="xs" color="gray" /> {t("overlay.loading")}</div> : null;
  const isWorthATry = ["series_failed", "reason.frame_failed"].includes(trouble);
  return (
    <div className={styles.centred} role="alert">
      <p>{t(trouble)}</p>
      {isWorthATry && <Button variant="default" size="xs" onClick={() => { void stack.tryAgain(); }}>{t("retry")}</Button>}
    </div>
  );
}
