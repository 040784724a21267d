/** What the model says of the series as a whole, in the words of its task. */

import { useTranslation } from "react-i18next";

import { figure, percent, segmentSize } from "../logic/format";
import type { Frame } from "../logic/frames";
import type { AnalysisView } from "../state/analysesStore";
import type { Analysis, SeriesVerdict } from "../state/shapes";
import { activeFrames, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { taskOf, type Task } from "./task";

/** What is said in a word and in a figure; the words of the model's own classes are as they are. */
export function useHeadline(): (view: AnalysisView, verdict: SeriesVerdict) => readonly [words: string, figure: string] {
  const { t } = useTranslation("viewer");
  const frames = useViewer(activeFrames);
  return (view, verdict) => {
    const { value, probability, measures = {} } = verdict;
    switch (taskOf(view.analysis.task)) {
      case "segmentation":
        if (measures.objects !== undefined) return [t("ai.objects"), String(Math.round(measures.objects))];
        return verdict.positive ? [t("ai.marked"), sizeOfAll(view, measures, frames) || percent(probability)] : [t("ai.nothing_marked"), ""];
      case "detection": {
        const count = Object.values(measures).reduce((sum, one) => sum + one, 0);
        return count ? [t("ai.boxes_found", { count }), probability.toFixed(2)] : [t("ai.no_boxes"), ""];
      }
      case "autoencoder":
        return [t(verdict.positive ? "ai.anomalous" : "ai.usual"), figure(probability)];
      default:
        return [value === "none" ? t("ai.no_class") : value, percent(probability)];
    }
  };
}

/** Returns how large all segments are together. */
function sizeOfAll({ analysis }: AnalysisView, measures: Readonly<Record<string, number>>, frames: readonly Frame[]): string {
  const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
  const segments = analysis.result?.mask?.segments;
  return segmentSize({ millilitres: sum(Object.values(measures)), voxels: segments ? sum(segments.map(({ voxels }) => voxels)) : null, frames });
}

export function VerdictCard({ view, verdict }: { view: AnalysisView; verdict: SeriesVerdict }) {
  const { t } = useTranslation("viewer");
  const task = taskOf(view.analysis.task);
  const [words, value] = useHeadline()(view, verdict);
  return (
    <article className={styles.verdict} data-positive={verdict.positive || undefined} data-testid="verdict">
      <header>
        <b>{words}</b>
        <strong>{value}</strong>
      </header>
      {task === "classification" && <Classes view={view} verdict={verdict} />}
      {task === "autoencoder" && <Gauge value={verdict.probability} threshold={verdict.threshold} full={fullScore(verdict)} write={figure} />}
      <dl>
        <Measures task={task} verdict={verdict} />
        <Row name={t("ai.model")} value={`${verdict.model}@${verdict.version}${verdict.precision ? ` · ${verdict.precision}` : ""}`} />
        <Row name={t("ai.provider")} value={deviceOf(verdict.provider)} />
        <Row name={t("ai.seconds")} value={t("ai.seconds_value", { value: verdict.seconds.toFixed(1) })} />
      </dl>
      <footer title={t("ai.not_for_diagnosis_hint")}>{t("ai.not_for_diagnosis")}</footer>
    </article>
  );
}

/** What a generator was asked for: what is seen is no patient. */
export function MadeCard({ analysis }: { analysis: Analysis }) {
  const { t } = useTranslation("viewer");
  const { model, version, precision } = analysis;
  const parameters = analysis.parameters ?? {};
  return (
    <article className={styles.verdict} data-positive data-testid="made">
      <header><b>{t("synthetic")}</b><strong>{parameters.count}</strong></header>
      <p>{t("synthetic_hint")}</p>
      <dl>
        {parameters.class && <Row name={t("ai.class")} value={parameters.class} />}
        <Row name={t("ai.model")} value={`${model}@${version}${precision ? ` · ${precision}` : ""}`} />
        {parameters.seed !== undefined && <Row name={t("ai.seed")} value={String(parameters.seed)} />}
      </dl>
      <footer title={t("ai.not_for_diagnosis_hint")}>{t("ai.not_for_diagnosis")}</footer>
    </article>
  );
}

/** A score is no share: its threshold lies in the middle, unless the score goes beyond. */
const fullScore = ({ probability, threshold }: SeriesVerdict): number => Math.max(probability, 2 * threshold, 1e-9);

/** "CUDAExecutionProvider" is CUDA to a reader. */
const deviceOf = (provider: string): string => provider.replace("ExecutionProvider", "");

const Row = ({ name, value }: { name: string; value: string }) => <div><dt>{name}</dt><dd>{value}</dd></div>;

function Measures({ task, verdict: { measures = {} } }: { task: Task; verdict: SeriesVerdict }) {
  const { t } = useTranslation("viewer");
  if (task === "detection") return Object.entries(measures).map(([name, count]) => <Row key={name} name={name} value={String(count)} />);
  if (task !== "autoencoder") return null;
  return (
    <>
      {measures.psnr_db !== undefined && <Row name={t("ai.psnr")} value={`${measures.psnr_db.toFixed(1)} dB`} />}
      {measures.compression !== undefined && <Row name={t("ai.compression")} value={`${figure(measures.compression)} : 1`} />}
    </>
  );
}

interface GaugeProps {
  value: number;
  threshold: number;
  /** What the whole length means. */
  full: number;
  write: (value: number) => string;
}

function Gauge({ value, threshold, full, write }: GaugeProps) {
  const { t } = useTranslation("viewer");
  return (
    <>
      <div className={styles.gauge} aria-hidden>
        <i style={{ width: `${(value / full) * 100}%` }} />
        <em style={{ left: `${(threshold / full) * 100}%` }} />
      </div>
      <p>{t(value >= threshold ? "ai.positive" : "ai.negative")} ({write(threshold)})</p>
    </>
  );
}

interface ClassOutput {
  activation?: string;
  thresholds?: readonly number[];
}

/** Two classes are one question; of more, each class has its bar, and its own threshold where classes may come together. */
function Classes({ view, verdict }: { view: AnalysisView; verdict: SeriesVerdict }) {
  const named = Object.entries(verdict.probabilities ?? {});
  const output = view.analysis.result?.parameters.output as ClassOutput | undefined;
  const isEachForItself = output?.activation === "sigmoid";
  if (named.length <= 2 && !isEachForItself) return <Gauge value={verdict.probability} threshold={verdict.threshold} full={1} write={percent} />;
  const rows = named.map(([name, probability], place) => ({ name, probability, threshold: isEachForItself ? output.thresholds?.[place] : undefined }));
  if (!isEachForItself) rows.sort((a, b) => b.probability - a.probability);
  return (
    <ul className={styles.classes}>
      {rows.map(({ name, probability, threshold }) => {
        const isFound = threshold === undefined ? name === verdict.value : probability >= threshold;
        return (
          <li key={name} data-found={isFound || undefined}>
            <span>{name}</span>
            <b>{percent(probability)}</b>
            <span className={styles.gauge} aria-hidden>
              <i style={{ width: `${probability * 100}%` }} />
              {threshold !== undefined && <em style={{ left: `${threshold * 100}%` }} />}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
