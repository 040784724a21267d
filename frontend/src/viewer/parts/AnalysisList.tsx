/** The analyses that this series has had; a click looks at one. */

import { UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { localTime } from "../logic/format";
import { useSession } from "../session";
import { analysesOf, isOver, useAnalyses, verdictOf, type AnalysisView } from "../state/analysesStore";
import { activeSeriesUid, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { useHeadline } from "./VerdictCard";

export function AnalysisList() {
  const { t } = useTranslation("viewer");
  const byJob = useAnalyses((state) => state.byJob);
  const seriesUid = useViewer(activeSeriesUid);
  const isKnown = useAnalyses((state) => state.models !== null);
  const all = analysesOf(byJob, seriesUid);
  if (!all.length) return isKnown && seriesUid && <p className={styles.empty}>{t("ai.none")}</p>;
  return (
    <>
      <h3>{t("ai.earlier")}</h3>
      <ul className={styles.rows}>{all.map((one) => <li key={one.analysis.job.id}><AnalysisRow view={one} /></li>)}</ul>
    </>
  );
}

function AnalysisRow({ view }: { view: AnalysisView }) {
  const { t } = useTranslation("viewer");
  const { analyses } = useSession();
  const { job, model, version } = view.analysis;
  const isShown = useAnalyses((state) => state.shownJob === job.id);
  const verdict = verdictOf(view);
  const headline = useHeadline();
  const state = !isOver(job) ? t(`ai.${job.state === "queued" ? "queued_next" : "running"}`) : t(`ai.${job.state}`);
  return (
    <UnstyledButton className={styles.row} data-open={isShown || undefined} aria-current={isShown} onClick={() => { analyses.show(job.id); }}>
      <span>
        {model}@{version}
        <small>{localTime(job.created_at)}{job.created_by && ` · ${t("ai.by", { name: job.created_by })}`}</small>
      </span>
      <b data-positive={verdict?.positive || undefined}>{verdict ? headline(view, verdict).findLast(Boolean) : state}</b>
    </UnstyledButton>
  );
}
