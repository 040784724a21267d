/** Chooses a model version and runs it on the open series: those that can read it come first. */

import { Button, SegmentedControl, Select, UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronRight, IconPlayerPlayFilled } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { obstacleOf } from "../logic/fits";
import { figure } from "../logic/format";
import { useSession } from "../session";
import { defaultChoice, type Precision } from "../state/analysisSession";
import { analysesOf, isOver, useAnalyses } from "../state/analysesStore";
import { useMayRun } from "../state/rights";
import type { Model, ModelVersion, SeriesRow } from "../state/shapes";
import { activeFrames, activeSeries, activeSeriesUid, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { taskOf } from "./task";

const nameOf = ({ model, number }: ModelVersion): string => `${model}@${number}`;

interface Choice {
  version: ModelVersion;
  title: string;
  /** "": it can be run. */
  reason: string;
}

/** Returns why a version cannot be run on the open series, in words; "" when it can. */
function useReason(): (version: ModelVersion, series: SeriesRow | undefined) => string {
  const { t } = useTranslation("viewer");
  const frames = useViewer(activeFrames);
  return (version, series) => {
    const obstacle = series ? obstacleOf(version, series, frames) : null;
    const filled = { modalities: version.modalities.join(", "), modality: series?.modality || "?" };
    return obstacle ? t(`ai.obstacle.${obstacle}`, filled) : "";
  };
}

function useChoices(models: readonly Model[]): Choice[] {
  const reasonOf = useReason();
  const series = useViewer(activeSeries);
  return models.flatMap((model) =>
    model.versions
      .filter((version) => version.stage !== "archived")
      .map((version) => ({ version, title: model.title || model.name, reason: reasonOf(version, series) })),
  );
}

/** Returns the one that was chosen, else the most trusted one that can be run here. */
function useChosen(choices: readonly Choice[], models: readonly Model[]): Choice | undefined {
  const choice = useAnalyses((state) => state.choice);
  const fitting = new Set(choices.filter(({ reason }) => !reason).map(({ version }) => version));
  const best = defaultChoice(models.map((model) => ({ ...model, versions: model.versions.filter((version) => fitting.has(version)) }))) || defaultChoice(models);
  return choices.find(({ version }) => nameOf(version) === choice) ?? choices.find(({ version }) => nameOf(version) === best);
}

/** A second run of what is running already would only make both wait. */
function useIsRunning(chosen: string, precision: string): boolean {
  const seriesUid = useViewer(activeSeriesUid);
  return useAnalyses(({ byJob }) =>
    analysesOf(byJob, seriesUid).some(({ analysis: one }) => `${one.model}@${one.version}` === chosen && one.precision === precision && !isOver(one.job)),
  );
}

export function RunModel() {
  const { t } = useTranslation("viewer");
  const models = useAnalyses((state) => state.models);
  const choices = useChoices(models ?? []);
  const chosen = useChosen(choices, models ?? []);
  if (!models) return null;
  if (!chosen) return <p className={styles.empty}>{t("ai.no_models")}</p>;
  return (
    <div className={styles.run}>
      <ModelSelect choices={choices} chosen={chosen} />
      <RunButton chosen={chosen} />
    </div>
  );
}

function ModelSelect({ choices, chosen }: { choices: readonly Choice[]; chosen: Choice }) {
  const { t } = useTranslation("viewer");
  const byName = useMemo(() => new Map(choices.map((choice) => [nameOf(choice.version), choice])), [choices]);
  const itemsOf = (fits: boolean) =>
    choices
      .filter(({ reason }) => fits === !reason)
      .map(({ version, title, reason }) => ({
        value: nameOf(version),
        label: `${title} · ${t("ai.version", { number: version.number })}`,
        disabled: Boolean(reason),
      }));
  const groups = [
    { group: t("ai.fits"), items: itemsOf(true) },
    { group: t("ai.does_not_fit"), items: itemsOf(false) },
  ];
  return (
    <Select
      aria-label={t("ai.model")}
      data={groups.filter(({ items }) => items.length)}
      value={nameOf(chosen.version)}
      size="xs"
      maxDropdownHeight={360}
      allowDeselect={false}
      comboboxProps={{ withinPortal: true, position: "bottom-start", keepMounted: false }}
      renderOption={({ option }) => <Option choice={byName.get(option.value)} label={option.label} />}
      onChange={(value) => { if (value) useAnalyses.setState({ choice: value }); }}
    />
  );
}

function Option({ choice, label }: { choice: Choice | undefined; label: string }) {
  const { t } = useTranslation("viewer");
  return (
    <span className={styles.option}>
      <span>{label}</span>
      <small>{choice && `${t(`task.${taskOf(choice.version.task)}`)} · ${t(`ai.stage.${choice.version.stage}`)}`}</small>
      {choice?.reason && <small className={styles.reason}>{choice.reason}</small>}
    </span>
  );
}

function RunButton({ chosen: { version, reason } }: { chosen: Choice }) {
  const { t } = useTranslation("viewer");
  const { analyses } = useSession();
  const mayRun = useMayRun();
  const hasSeries = useViewer((state) => activeSeriesUid(state) !== null);
  const startError = useAnalyses((state) => state.startError);
  const wanted = useAnalyses((state) => state.precision);
  const precision: Precision = version.variants.find((one) => one.precision === wanted) ? wanted : "";
  const isRunning = useIsRunning(nameOf(version), precision);
  const [isStarting, setStarting] = useState(false);
  const obstacle = !hasSeries ? t("ai.no_series") : mayRun ? reason : t("ai.may_not");
  const run = async (): Promise<void> => {
    setStarting(true);
    await analyses.run(version.model, version.number, precision);
    setStarting(false);
  };
  return (
    <>
      {version.variants.length > 0 && <PrecisionChoice version={version} precision={precision} />}
      <Button size="xs" leftSection={<IconPlayerPlayFilled size={14} />} disabled={Boolean(obstacle) || isRunning} loading={isStarting} onClick={() => { void run(); }}>
        {t("ai.run")}
      </Button>
      {startError ? <p className={styles.obstacle} role="alert">{startError}</p> : obstacle && <p className={styles.empty}>{obstacle}</p>}
    </>
  );
}

/** The smaller networks of a version, with what each of them loses. */
function PrecisionChoice({ version, precision }: { version: ModelVersion; precision: Precision }) {
  const { t } = useTranslation("viewer");
  const [isOpen, setOpen] = useState(precision !== "");
  const shown = version.variants.find((one) => one.precision === precision);
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <div>
      <UnstyledButton className={styles.disclosure} aria-expanded={isOpen} onClick={() => { setOpen(!isOpen); }}>
        <Chevron size={14} stroke={1.8} /> {t("ai.more")}
      </UnstyledButton>
      {isOpen && (
        <>
          <SegmentedControl
            size="xs"
            fullWidth
            aria-label={t("ai.precision")}
            data={[{ value: "", label: t("ai.full") }, ...version.variants.map((one) => ({ value: one.precision, label: one.precision }))]}
            value={precision}
            onChange={(value) => { useAnalyses.setState({ precision: value as Precision }); }}
          />
          <p className={styles.empty}>
            {!shown && t("ai.full_hint")}
            {shown && (typeof shown.loss === "number" ? t("ai.loses", { loss: figure(shown.loss), metric: shown.metric }) : t("ai.loss_unknown"))}
          </p>
        </>
      )}
    </div>
  );
}
