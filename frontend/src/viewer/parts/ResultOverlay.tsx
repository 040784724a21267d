/** The canvases over and beside the picture on which results are painted. */

import { useLayoutEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import { ResultPainter } from "../paint/painter";
import { usePaneSession } from "../session";
import { useAnalyses } from "../state/analysesStore";
import { useDisplay, type Look } from "../state/displayStore";
import { useTaskShown } from "./task";
import styles from "../viewer.module.css";

/** Whether the model's own picture stands beside the image. */
export function useIsSplit(): boolean {
  const isWanted = useDisplay((state) => state.isSideBySide);
  const task = useTaskShown();
  const hasPieces = useAnalyses(({ byJob, shownJob }) => (byJob[shownJob]?.pieces.byFrame.size ?? 0) > 0);
  return isWanted && task === "autoencoder" && hasPieces;
}

export function ResultOverlay({ isSplit }: { isSplit: boolean }) {
  const over = useRef<HTMLCanvasElement>(null);
  const beside = useRef<HTMLCanvasElement>(null);
  const pane = usePaneSession();
  useLayoutEffect(() => {
    if (!over.current || !beside.current) return undefined;
    const painter = new ResultPainter(over.current, beside.current, pane);
    return () => { painter.destroy(); };
  }, [pane]);
  return (
    <>
      <canvas ref={over} className={styles.mapOverlay} data-testid="map" aria-hidden />
      <canvas ref={beside} className={styles.beside} hidden={!isSplit} data-testid="beside" aria-hidden />
      <LookName isSplit={isSplit} />
    </>
  );
}

/** Says that what is seen is computed: nobody may take it for the image. */
function LookName({ isSplit }: { isSplit: boolean }) {
  const { t } = useTranslation("viewer");
  const task = useTaskShown();
  const look = useDisplay((state) => state.look);
  if (task !== "autoencoder") return null;
  const name: Look = isSplit && look === "original" ? "reconstruction" : look;
  return name === "original" ? null : <span className={styles.lookName}>{t(`look.${name}`)} · {t("look.computed")}</span>;
}
