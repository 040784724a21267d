/** The analysis that is looked at: how far it is, what it says, and the map over the picture. */

import { Button, Progress, Slider, Switch } from "@mantine/core";
import { IconFocusCentered, IconPlayerStopFilled } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { percent } from "../logic/format";
import { highest } from "../logic/pieces";
import { useSession } from "../session";
import { isOver, useAnalyses, verdictOf, type AnalysisView } from "../state/analysesStore";
import { useMayCancel } from "../state/rights";
import type { Job, SeriesVerdict } from "../state/shapes";
import styles from "../viewer.module.css";

export function ShownAnalysis() {
  const shown = useAnalyses(({ byJob, shownJob }) => byJob[shownJob]);
  if (!shown) return null;
  const verdict = verdictOf(shown);
  return (
    <div className={styles.analysis} data-testid="analysis" data-state={shown.analysis.job.state} data-pieces={shown.pieces.byFrame.size}>
      <JobState view={shown} />
      {verdict && <VerdictCard verdict={verdict} />}
      {shown.pieces.byFrame.size > 0 && <MapControls view={shown} />}
    </div>
  );
}

function JobState({ view: { analysis, pieces } }: { view: AnalysisView }) {
  const { t } = useTranslation("viewer");
  const { job } = analysis;
  const [done, count] = [pieces.byFrame.size, pieces.count];
  if (job.state === "failed") return <p className={styles.obstacle} role="alert">{t("ai.failed")}: {job.error_detail || job.error_code}</p>;
  if (job.state === "cancelled") return <p className={styles.empty}>{t("ai.cancelled")}{count ? ` · ${t("ai.slices", { done, count })}` : ""}</p>;
  if (isOver(job)) return null;
  const share = count ? done / count : job.progress;
  return (
    <div className={styles.job} role="status">
      <div className={styles.split}>
        <span>{job.state === "queued" ? <QueuePlace place={job.queue_place} /> : t("ai.running")}</span>
        {count > 0 && <span>{t("ai.slices", { done, count })}</span>}
      </div>
      <Progress value={share * 100} size="sm" animated={job.state === "running"} aria-label={t("ai.running")} />
      <CancelButton job={job} />
    </div>
  );
}

function QueuePlace({ place }: { place: number }) {
  const { t } = useTranslation("viewer");
  return place ? t("ai.queued", { count: place }) : t("ai.queued_next");
}

function CancelButton({ job }: { job: Job }) {
  const { t } = useTranslation("viewer");
  const { analyses } = useSession();
  if (!useMayCancel(job)) return null;
  return (
    <Button size="compact-xs" variant="default" leftSection={<IconPlayerStopFilled size={12} />} disabled={job.cancel_requested} onClick={() => { void analyses.cancel(job.id); }}>
      {t(job.cancel_requested ? "ai.cancelling" : "ai.cancel")}
    </Button>
  );
}

function VerdictCard({ verdict }: { verdict: SeriesVerdict }) {
  const { t } = useTranslation("viewer");
  const { probability, threshold, positive } = verdict;
  return (
    <article className={styles.verdict} data-positive={positive || undefined} data-testid="verdict">
      <header>
        <b>{verdict.value}</b>
        <strong>{percent(probability)}</strong>
      </header>
      <div className={styles.gauge} aria-hidden>
        <i style={{ width: `${probability * 100}%` }} />
        <em style={{ left: `${threshold * 100}%` }} />
      </div>
      <p>{t(positive ? "ai.positive" : "ai.negative")} ({percent(threshold)})</p>
      <dl>
        <div><dt>{t("ai.model")}</dt><dd>{verdict.model}@{verdict.version}</dd></div>
        <div><dt>{t("ai.provider")}</dt><dd>{deviceOf(verdict.provider)}</dd></div>
        <div><dt>{t("ai.seconds")}</dt><dd>{t("ai.seconds_value", { value: verdict.seconds.toFixed(1) })}</dd></div>
      </dl>
      <footer title={t("ai.not_for_diagnosis_hint")}>{t("ai.not_for_diagnosis")}</footer>
    </article>
  );
}

/** "CUDAExecutionProvider" is CUDA to a reader. */
const deviceOf = (provider: string): string => provider.replace("ExecutionProvider", "");

function MapControls({ view: { pieces } }: { view: AnalysisView }) {
  const { t } = useTranslation("viewer");
  const { stack } = useSession();
  const isVisible = useAnalyses((state) => state.isMapVisible);
  const opacity = useAnalyses((state) => state.mapOpacity);
  const best = highest(pieces);
  return (
    <div className={styles.mapControls}>
      {best && (
        <Button size="compact-sm" variant="default" leftSection={<IconFocusCentered size={15} />} onClick={() => { stack.goToFrame(best.sopInstanceUid, best.frame); }}>
          {t("ai.highest")}
        </Button>
      )}
      <div className={styles.split}>
        <Switch size="xs" label={t("ai.map")} title={t("ai.map_hint")} checked={isVisible} onChange={({ currentTarget }) => { useAnalyses.setState({ isMapVisible: currentTarget.checked }); }} />
        <Slider className={styles.opacity} size="xs" min={0.1} max={1} step={0.05} label={null} thumbLabel={t("ai.opacity")} value={opacity} disabled={!isVisible} onChange={(value) => { useAnalyses.setState({ mapOpacity: value }); }} />
      </div>
    </div>
  );
}
