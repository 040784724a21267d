/** Beside the picture: the models and what they say, and the measurements. */

import { ActionIcon, UnstyledButton } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { lengthOf, type Measurement } from "../logic/measurements";
import { useSession } from "../session";
import { activeFrames, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { AnalysisList } from "./AnalysisList";
import { RunModel } from "./RunModel";
import { SimilarCases } from "./SimilarCases";
import { ShownAnalysis } from "./ShownAnalysis";

export function ResultsPanel() {
  const { t } = useTranslation("viewer");
  return (
    <div className={styles.results}>
      <section>
        <h2>{t("ai.title")}</h2>
        <RunModel />
        <ShownAnalysis />
        <AnalysisList />
      </section>
      <section>
        <h2>{t("similar.title")}</h2>
        <SimilarCases />
      </section>
      <section>
        <h2>{t("measurements")}</h2>
        <MeasurementList />
      </section>
    </div>
  );
}

function MeasurementList() {
  const { t } = useTranslation("viewer");
  const measurements = useViewer((state) => state.measurements);
  if (!measurements.length) return <p className={styles.empty}>{t("no_measurements")}</p>;
  return <ul className={styles.rows}>{measurements.map((one) => <MeasurementRow key={one.id} measurement={one} />)}</ul>;
}

function MeasurementRow({ measurement }: { measurement: Measurement }) {
  const { t } = useTranslation("viewer");
  const { grid, measurements } = useSession();
  const frames = useViewer(activeFrames);
  const index = frames.findIndex((one) => one.sopInstanceUid === measurement.sopInstanceUid && one.frameNumber === measurement.frameNumber);
  if (index < 0) return null;
  const unit = frames[index]?.spacing === "none" ? t("pixels") : "mm";
  const show = (): void => {
    grid.active.goToFrame(measurement.sopInstanceUid, measurement.frameNumber);
    measurements.select(measurement.id);
  };
  return (
    <li>
      <UnstyledButton className={styles.row} onClick={show}>
        <span>{t("measurement", { index: index + 1 })}</span>
        <b>{lengthOf(measurement).toFixed(1)} {unit}</b>
      </UnstyledButton>
      <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t("delete")} onClick={() => { measurements.remove([measurement.id]); }}>
        <IconTrash size={15} stroke={1.6} />
      </ActionIcon>
    </li>
  );
}
