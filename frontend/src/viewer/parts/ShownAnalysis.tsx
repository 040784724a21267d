/** The analysis that is looked at: how far it is, what it says, and how that lies over the picture. */

import { Button, Progress, SegmentedControl, Slider, Switch } from "@mantine/core";
import { IconFocusCentered, IconPlayerStopFilled } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { highest, type Piece } from "../logic/pieces";
import { useSession } from "../session";
import { isOver, useAnalyses, verdictOf, type AnalysisView } from "../state/analysesStore";
import { LOOKS, useDisplay } from "../state/displayStore";
import { useMayCancel } from "../state/rights";
import type { Job } from "../state/shapes";
import { useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { BoxList } from "./BoxList";
import { SegmentList } from "./SegmentList";
import { taskOf, type Task } from "./task";
import { MadeCard, VerdictCard } from "./VerdictCard";

export function ShownAnalysis() {
  const shown = useAnalyses(({ byJob, shownJob }) => byJob[shownJob]);
  if (!shown) return null;
  const verdict = verdictOf(shown);
  const task = taskOf(shown.analysis.task);
  const hasAnswer = shown.pieces.byFrame.size > 0 || shown.analysis.result !== null;
  return (
    <div className={styles.analysis} data-testid="analysis" data-state={shown.analysis.job.state} data-task={task} data-pieces={shown.pieces.byFrame.size}>
      <JobState view={shown} />
      {verdict && <VerdictCard view={shown} verdict={verdict} />}
      {task === "generation" && <MadeCard analysis={shown.analysis} />}
      {hasAnswer && task !== "generation" && (
        <div className={styles.mapControls}>
          {task === "autoencoder" && <LookSwitch />}
          <OverlayControls view={shown} task={task} />
          {task === "segmentation" && <SegmentList view={shown} />}
          {task === "detection" && <BoxList view={shown} />}
        </div>
      )}
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

/** The image, what the model made of it, and how they differ: one at a time, or beside the image. */
function LookSwitch() {
  const { t } = useTranslation("viewer");
  const look = useDisplay((state) => state.look);
  const isSideBySide = useDisplay((state) => state.isSideBySide);
  const looks = LOOKS.filter((one) => !isSideBySide || one !== "original");
  const value = isSideBySide && look === "original" ? "reconstruction" : look;
  return (
    <>
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label={t("look.title")}
        data={looks.map((one) => ({ value: one, label: t(`look.${one}`) }))}
        value={value}
        onChange={(chosen) => { useDisplay.setState({ look: LOOKS.find((one) => one === chosen) ?? "original" }); }}
      />
      <Switch size="xs" label={t("look.side_by_side")} checked={isSideBySide} onChange={({ currentTarget }) => { useDisplay.setState({ isSideBySide: currentTarget.checked }); }} />
    </>
  );
}

const OVERLAY_WORDS = { classification: "map", segmentation: "mask", detection: "boxes", autoencoder: "anomaly_map", generation: "map" } as const;
const HIGHEST_WORDS = { classification: "highest", segmentation: "largest", detection: "best_box", autoencoder: "oddest", generation: "highest" } as const;

function OverlayControls({ view: { pieces }, task }: { view: AnalysisView; task: Task }) {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const isVisible = useDisplay((state) => state.isVisible);
  const opacity = useDisplay((state) => state.opacity);
  const best = highest(pieces);
  const goTo = ({ sopInstanceUid, frame }: Piece): void => {
    grid.active.goToFrame(sopInstanceUid, frame);
    useViewer.setState({ drawer: "none" });
  };
  return (
    <>
      {best && pieces.count > 1 && best.probability > 0 && (
        <Button size="compact-xs" variant="default" leftSection={<IconFocusCentered size={14} />} onClick={() => { goTo(best); }}>
          {t(`ai.${HIGHEST_WORDS[task]}`)}
        </Button>
      )}
      <div className={styles.split}>
        <Switch size="xs" label={t(`ai.${OVERLAY_WORDS[task]}`)} title={t("ai.map_hint")} checked={isVisible} onChange={({ currentTarget }) => { useDisplay.setState({ isVisible: currentTarget.checked }); }} />
        {task !== "detection" && (
          <Slider className={styles.opacity} size="xs" min={0.1} max={1} step={0.05} label={null} thumbLabel={t("ai.opacity")} value={opacity} disabled={!isVisible} onChange={(value) => { useDisplay.setState({ opacity: value }); }} />
        )}
      </div>
    </>
  );
}
