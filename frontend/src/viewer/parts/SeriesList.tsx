/** The series of the study: what they are, how far they have come, and which one is open. */

import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import { kindOfSeries } from "../exchange/kind";

import { useSession } from "../session";
import { thumbnailUrl } from "../state/server";
import type { SeriesRow } from "../state/shapes";
import { activeSeriesUid, NOT_LOADING, useViewer } from "../state/viewerStore";
import { DRAGGED_SERIES } from "./Viewport";
import styles from "../viewer.module.css";

const OtherSeries = lazy(() => import("../exchange/OtherSeries"));

const REASONS = ["not_an_image", "no_frames", "transfer_syntax"] as const;

export function SeriesList({ onChosen }: { onChosen?: () => void }) {
  const { t } = useTranslation("viewer");
  const series = useViewer((state) => state.study?.series);
  if (!series) return null;
  if (!series.length) return <p className={styles.empty}>{t("no_series")}</p>;
  return (
    <ul className={styles.seriesList}>
      {series.map((one) => <li key={one.series_instance_uid}><SeriesCard series={one} onChosen={onChosen} /></li>)}
    </ul>
  );
}

function SeriesCard({ series, onChosen }: { series: SeriesRow; onChosen: (() => void) | undefined }) {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const uid = series.series_instance_uid;
  const isOpen = useViewer((state) => activeSeriesUid(state) === uid);
  const isNew = useViewer((state) => state.newestSeries === uid && activeSeriesUid(state) !== uid);
  const reason = REASONS.find((one) => one === series.reason_not_displayable);
  const [isOtherOpen, setOtherOpen] = useState(false);
  const other = kindOfSeries(series);
  const open = (): void => {
    if (other) return setOtherOpen(true);
    void grid.open(uid);
    onChosen?.();
  };
  return (
    <>
    <button type="button" className={styles.card} data-open={isOpen || undefined} disabled={!series.is_displayable && !other} aria-current={isOpen} onClick={open}
      draggable={series.is_displayable} onDragStart={(event) => { event.dataTransfer.setData(DRAGGED_SERIES, uid); }}>
      <Thumbnail series={series} />
      <span className={styles.cardText}>
        <b>{series.series_description || t("no_description")}</b>
        <small>
          <span className={styles.modality}>{series.modality}</span> {t("images", { count: series.number_of_frames || series.number_of_instances })}
        </small>
        {series.is_synthetic && <small className={styles.synthetic} title={t("synthetic_hint")}>{t("synthetic")}</small>}
        {isNew && <small className={styles.new}>{t("new")}</small>}
        {other && <small className={styles.new}>{t(`exchange.open_${other}`)}</small>}
        {!series.is_displayable && !other && <small className={styles.reason}>{reason ? t(`reason.${reason}`) : series.reason_not_displayable}</small>}
        {series.is_displayable && <LoadingBar uid={uid} />}
      </span>
    </button>
    <Suspense>{isOtherOpen && <OtherSeries series={series} onClose={() => { setOtherOpen(false); }} />}</Suspense>
    </>
  );
}

function Thumbnail({ series }: { series: SeriesRow }) {
  const team = useViewer((state) => state.team);
  if (!series.thumbnail_revision) return <span className={styles.thumbnail}>{series.modality}</span>;
  return <img className={styles.thumbnail} alt="" src={thumbnailUrl(team, series.series_instance_uid, series.thumbnail_revision)} />;
}

function LoadingBar({ uid }: { uid: string }) {
  const { t } = useTranslation("viewer");
  const { state, loaded, total } = useViewer((viewer) => viewer.loading[uid] ?? NOT_LOADING);
  if (state === "failed") return <small className={styles.reason}>{t("reason.failed")}</small>;
  const share = total ? loaded / total : 0;
  return (
    <span
      className={styles.bar}
      data-complete={share === 1 || undefined}
      role="progressbar"
      aria-label={t("loaded_of", { loaded, total })}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={loaded}
      title={total ? t("loaded_of", { loaded, total }) : undefined}
    >
      <i style={{ width: `${share * 100}%` }} />
    </span>
  );
}
