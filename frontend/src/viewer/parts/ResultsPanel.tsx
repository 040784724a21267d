/** Beside the picture: the models and what they say, the marks, the segments. */

import { Tabs } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";

import { MarkList } from "../marks/MarkList";
import { PANELS, useViewer, type Panel } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { AnalysisList } from "./AnalysisList";
import { RunModel } from "./RunModel";
import { SimilarCases } from "./SimilarCases";
import { ShownAnalysis } from "./ShownAnalysis";

const SegmentsPanel = lazy(async () => ({ default: (await import("../segments/SegmentsPanel")).SegmentsPanel }));

export function ResultsPanel() {
  const { t } = useTranslation("viewer");
  const panel = useViewer((state) => state.panel);
  return (
    <Tabs value={panel} onChange={(value) => { useViewer.setState({ panel: (value ?? "results") as Panel }); }} keepMounted={false} classNames={{ list: styles.tabs ?? "" }}>
      <Tabs.List grow aria-label={t("panel.title")}>{PANELS.map((one) => <Tabs.Tab key={one} value={one}>{t(`panel.${one}`)}</Tabs.Tab>)}</Tabs.List>
      <Tabs.Panel value="results" className={styles.results}>
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
      </Tabs.Panel>
      <Tabs.Panel value="segments"><Suspense><SegmentsPanel /></Suspense></Tabs.Panel>
    </Tabs>
  );
}
