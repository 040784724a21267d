/** The texts at the picture's corners and edges. */

import { useTranslation } from "react-i18next";

import { dicomDate, dicomTime, personName, scaleBarLength } from "../logic/format";
import type { Frame } from "../logic/frames";
import { windowRange } from "../logic/windows";
import { usePane } from "../session";
import { placeOfPane, seriesOf, shownFrameOf, studyOf, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";

export function Overlays() {
  const hasOverlays = useViewer((state) => state.hasOverlays);
  const isShown = usePane((pane) => pane.shownImageId !== null);
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
  const study = usePane((pane, state) => studyOf(state, pane.seriesUid));
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
  const study = usePane((pane, state) => studyOf(state, pane.seriesUid));
  const series = usePane((pane, state) => seriesOf(state, pane.seriesUid));
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
  const frame = usePane((pane, state) => shownFrameOf(state, pane));
  const [index, count, phases] = [usePane((pane, state) => placeOfPane(state, pane).index), usePane((pane, state) => placeOfPane(state, pane).count), usePane((pane, state) => placeOfPane(state, pane).phases)];
  const phase = usePane((pane) => pane.phase);
  const [kind, plane] = [usePane((pane) => pane.kind), usePane((pane) => pane.plane)];
  const [location, thickness] = kind === "stack" ? [locationOf(frame), frame?.sliceThickness] : [null, null];
  return (
    <div className={styles.bottomLeft}>
      <ProbeText frame={frame} />
      {typeof thickness === "number" && <span className={styles.minor}>{t("overlay.thickness", { value: round(thickness) })}</span>}
      {location !== null && <span className={styles.minor}>{t("overlay.location", { value: location.toFixed(1) })}</span>}
      {phases > 1 && <b>{t("overlay.phase", { index: phase + 1, total: phases })}</b>}
      {kind === "plane" && <b>{t(`pane.plane.${plane}`)}</b>}
      {kind !== "solid" && <b>{t(kind === "plane" ? "overlay.slice" : "overlay.image", { index: index + 1, total: count })}</b>}
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
  const probe = usePane((pane) => pane.probe);
  if (!probe) return null;
  const value = probe.values.map((one) => (Number.isInteger(one) ? one : one.toFixed(2))).join(" / ");
  const uptake = frame?.suvFactor && probe.values.length === 1 ? ` · SUV ${((probe.values[0] ?? 0) * frame.suvFactor).toFixed(2)}` : "";
  return <span className={styles.probe}>({probe.column}, {probe.row}) <b>{value} {probe.values.length === 1 ? frame?.unit : ""}{uptake}</b></span>;
}

function ViewCorner() {
  const { t } = useTranslation("viewer");
  const view = usePane((pane) => pane.view);
  const frame = usePane((pane, state) => shownFrameOf(state, pane));
  if (!view) return null;
  const { window, scale } = view;
  const uptake = window && frame?.suvFactor ? windowRange(window).upper * frame.suvFactor : null;
  return (
    <div className={styles.bottomRight}>
      <span className={styles.minor}>{t("overlay.zoom", { value: Math.round(scale * 100) })}</span>
      <ProjectionText />
      {uptake !== null && <b>SUV ≤ {uptake.toFixed(1)}</b>}
      {window && uptake === null && <b>{t("overlay.window", { width: Math.round(window.width), center: Math.round(window.center) })}</b>}
    </div>
  );
}

/** Says that more than one slice is seen. */
function ProjectionText() {
  const { t } = useTranslation("viewer");
  const { mode, slabMm } = usePane((pane) => pane.projection);
  const isPlane = usePane((pane) => pane.kind === "plane");
  if (!isPlane || mode === "none") return null;
  return <b>{t(`projection.${mode}`)} {slabMm < 1000 && `${slabMm} mm`}</b>;
}

function Edges() {
  const edges = usePane((pane) => pane.view?.edges);
  const isInPatient = usePane((pane, state) => Boolean(shownFrameOf(state, pane)?.orientation));
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
  const worldPerPixel = usePane((pane) => pane.view?.worldPerPixel ?? 0);
  const hasSpacing = usePane((pane, state) => (shownFrameOf(state, pane)?.spacing ?? "none") !== "none");
  if (!hasSpacing || !worldPerPixel) return null;
  const millimetres = scaleBarLength(worldPerPixel * 500);
  const text = millimetres >= 10 ? `${millimetres / 10} cm` : `${millimetres} mm`;
  return <div className={styles.scaleBar} style={{ width: millimetres / worldPerPixel }}>{text}</div>;
}

function SyntheticMark() {
  const { t } = useTranslation("viewer");
  const isSynthetic = usePane((pane, state) => Boolean(studyOf(state, pane.seriesUid)?.is_synthetic || seriesOf(state, pane.seriesUid)?.is_synthetic));
  return isSynthetic ? <span className={styles.syntheticMark} title={t("synthetic_hint")}>{t("synthetic")}</span> : null;
}
