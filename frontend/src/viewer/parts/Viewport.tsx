/** The picture, with everything that lies over it and the strips beside it. */

import { Loader } from "@mantine/core";
import { useEffect, useRef, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";

import { useCine, useWheel } from "../hooks";
import { useSession } from "../session";
import { activeFrames, activeSeries, NOT_LOADING, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { MapOverlay } from "./MapOverlay";
import { Overlays } from "./Overlays";
import { ProbabilityPlot } from "./ProbabilityPlot";
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
  const probe = ({ nativeEvent, pointerType }: PointerEvent): void => {
    if (pointerType !== "mouse" || !picture.current) return;
    const { left, top } = picture.current.getBoundingClientRect();
    useViewer.setState({ probe: session.stack.view?.probe(nativeEvent.clientX - left, nativeEvent.clientY - top) ?? null });
  };
  return (
    <div className={styles.viewport}>
      <div ref={pane} className={styles.pane} onPointerMove={probe} onPointerLeave={() => { useViewer.setState({ probe: null }); }} onContextMenu={(event) => { event.preventDefault(); }}>
        <div ref={picture} className={styles.picture} data-testid="picture" />
        <MapOverlay />
        <Overlays />
        <Waiting />
        <SliceBar />
      </div>
      <ProbabilityPlot />
    </div>
  );
}

/** Says why there is no picture, or that the one on screen is not yet the one that is wanted. */
function Waiting() {
  const { t } = useTranslation("viewer");
  const trouble = useViewer((state) => {
    if (!state.study) return "";
    if (!state.study.series.length) return "no_series";
    if (!state.study.series.some((series) => series.is_displayable)) return "no_displayable";
    const loading = state.loading[state.seriesUid ?? ""] ?? NOT_LOADING;
    if (loading.state === "failed") return loading.total === 0 && activeSeries(state)?.number_of_frames ? "reason.failed" : "reason.no_frames";
    return loading.mask[state.index] === 2 ? "reason.frame_failed" : "";
  });
  const isWaiting = useViewer((state) => {
    if (!state.study?.series.length) return false;
    return activeFrames(state)[state.index]?.imageId !== state.shownImageId || !state.shownImageId;
  });
  if (trouble) return <div className={styles.centred} role="alert"><p>{t(trouble)}</p></div>;
  return isWaiting ? <div className={styles.waiting}><Loader size="xs" color="gray" /> {t("overlay.loading")}</div> : null;
}
