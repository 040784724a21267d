/** Beside the picture: the models and what they say, and the measurements. */

import { useTranslation } from "react-i18next";

import { MarkList } from "../marks/MarkList";
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
        <MarkList />
      </section>
    </div>
  );
}
