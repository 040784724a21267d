/** The texts at the picture's corners and edges. */

import { useTranslation } from "react-i18next";

import { dicomDate, dicomTime, personName, scaleBarLength } from "../logic/format";
import type { Frame } from "../logic/frames";
import { activeFrames, activeSeries, shownFrame, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";

export function Overlays() {
  const hasOverlays = useViewer((state) => state.hasOverlays);
  const isShown = useViewer((state) => state.shownImageId !== null);
  if (!isShown) return null;
  return (
    <div className={styles.overlays}>
      {hasOverlays && <><PatientCorner /><StudyCorner /><ImageCorner /><ViewCorner /><Edges /><ScaleBar /></>}
      <SyntheticMark />
    </div>
  );
}

function PatientCorner() {
  const { t, i18n } = useTranslation("viewer");
  const study = useViewer((state) => state.study);
  if (!study) return null;
  const { patient_sex: sex, patient_birth_date: birthDate } = study;
  return (
    <div className={styles.topLeft}>
      <b>{personName(study.patient_name, i18n.language)}</b>
      <span>{study.patient_id}</span>
      <span>{[sex, birthDate && t("overlay.born", { date: dicomDate(birthDate) })].filter(Boolean).join(" · ")}</span>
    </div>
  );
}

function StudyCorner() {
  const study = useViewer((state) => state.study);
  const series = useViewer(activeSeries);
  if (!study) return null;
  return (
    <div className={styles.topRight}>
      <span>{[dicomDate(study.study_date), dicomTime(study.study_time)].filter(Boolean).join(" ")}</span>
      <span>{study.study_description}</span>
      <span>{[series?.modality, series?.series_description].filter(Boolean).join(" · ")}</span>
    </div>
  );
}

function ImageCorner() {
  const { t } = useTranslation("viewer");
  const frames = useViewer(activeFrames);
  const frame = useViewer(shownFrame);
  const index = frame ? frames.indexOf(frame) : 0;
  const [location, thickness] = [locationOf(frame), frame?.sliceThickness];
  return (
    <div className={styles.bottomLeft}>
      <ProbeText frame={frame} />
      {typeof thickness === "number" && <span className={styles.minor}>{t("overlay.thickness", { value: round(thickness) })}</span>}
      {location !== null && <span className={styles.minor}>{t("overlay.location", { value: location.toFixed(1) })}</span>}
      <b>{t("overlay.image", { index: index + 1, total: frames.length })}</b>
    </div>
  );
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** Returns where the slice lies: what the file says, else the coordinate along which the stack runs. */
function locationOf(frame: Frame | undefined): number | null {
  if (!frame) return null;
  if (frame.sliceLocation !== null) return frame.sliceLocation;
  return frame.position?.[2] ?? null;
}

function ProbeText({ frame }: { frame: Frame | undefined }) {
  const probe = useViewer((state) => state.probe);
  if (!probe) return null;
  const value = probe.values.map((one) => (Number.isInteger(one) ? one : one.toFixed(2))).join(" / ");
  return <span className={styles.probe}>({probe.column}, {probe.row}) <b>{value} {probe.values.length === 1 ? frame?.unit : ""}</b></span>;
}

function ViewCorner() {
  const { t } = useTranslation("viewer");
  const view = useViewer((state) => state.view);
  if (!view) return null;
  const { window, scale } = view;
  return (
    <div className={styles.bottomRight}>
      <span className={styles.minor}>{t("overlay.zoom", { value: Math.round(scale * 100) })}</span>
      {window && <b>{t("overlay.window", { width: Math.round(window.width), center: Math.round(window.center) })}</b>}
    </div>
  );
}

function Edges() {
  const edges = useViewer((state) => state.view?.edges);
  const isInPatient = useViewer((state) => Boolean(shownFrame(state)?.orientation));
  if (!edges || !isInPatient) return null;
  return (
    <>
      <span className={styles.edgeTop}>{edges.top}</span>
      <span className={styles.edgeRight}>{edges.right}</span>
      <span className={styles.edgeBottom}>{edges.bottom}</span>
      <span className={styles.edgeLeft}>{edges.left}</span>
    </>
  );
}

function ScaleBar() {
  const worldPerPixel = useViewer((state) => state.view?.worldPerPixel ?? 0);
  const hasSpacing = useViewer((state) => (shownFrame(state)?.spacing ?? "none") !== "none");
  if (!hasSpacing || !worldPerPixel) return null;
  const millimetres = scaleBarLength(worldPerPixel * 500);
  const text = millimetres >= 10 ? `${millimetres / 10} cm` : `${millimetres} mm`;
  return <div className={styles.scaleBar} style={{ width: millimetres / worldPerPixel }}>{text}</div>;
}

function SyntheticMark() {
  const { t } = useTranslation("viewer");
  const isSynthetic = useViewer((state) => Boolean(state.study?.is_synthetic || activeSeries(state)?.is_synthetic));
  return isSynthetic ? <span className={styles.syntheticMark} title={t("synthetic_hint")}>{t("synthetic")}</span> : null;
}
