/** Chooses a model version and runs it on the open series. */

import { Button, Select } from "@mantine/core";
import { IconPlayerPlayFilled } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useSession } from "../session";
import { analysesOf, isOver, useAnalyses } from "../state/analysesStore";
import { useMayRun } from "../state/rights";
import type { Model } from "../state/shapes";
import { activeSeries, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";

function useChoices(models: readonly Model[]) {
  const { t } = useTranslation("viewer");
  return models
    .map((model) => ({
      group: model.title || model.name,
      items: model.versions
        .filter((version) => version.stage !== "archived")
        .map((version) => ({
          value: `${model.name}@${version.number}`,
          label: [model.title || model.name, t("ai.version", { number: version.number }), t(`ai.stage.${version.stage}`)].join(" · "),
        })),
    }))
    .filter(({ items }) => items.length);
}

/** Returns why the chosen version cannot be run on the open series; "" when it can. */
function useObstacle(): string {
  const { t } = useTranslation("viewer");
  const mayRun = useMayRun();
  const seriesUid = useViewer((state) => state.seriesUid);
  const modality = useViewer((state) => activeSeries(state)?.modality || "?");
  const version = useAnalyses(({ models, choice }) =>
    models?.flatMap((model) => model.versions).find((one) => `${one.model}@${one.number}` === choice),
  );
  if (!seriesUid) return t("ai.no_series");
  if (!mayRun) return t("ai.may_not");
  const readable = version?.modalities ?? [];
  return readable.length && !readable.includes(modality) ? t("ai.does_not_read", { modalities: readable.join(", "), modality }) : "";
}

/** A second run of what is running already would only make both wait. */
function useIsRunning(): boolean {
  const seriesUid = useViewer((state) => state.seriesUid);
  return useAnalyses(({ byJob, choice }) =>
    analysesOf(byJob, seriesUid).some(({ analysis: { model, version, job } }) => `${model}@${version}` === choice && !isOver(job)),
  );
}

export function RunModel() {
  const { t } = useTranslation("viewer");
  const { analyses } = useSession();
  const models = useAnalyses((state) => state.models);
  const choice = useAnalyses((state) => state.choice);
  const startError = useAnalyses((state) => state.startError);
  const choices = useChoices(models ?? []);
  const obstacle = useObstacle();
  const isRunning = useIsRunning();
  const [isStarting, setStarting] = useState(false);
  if (!models) return null;
  if (!choices.length) return <p className={styles.empty}>{t("ai.no_models")}</p>;
  const run = async (): Promise<void> => {
    const at = choice.lastIndexOf("@");
    setStarting(true);
    await analyses.run(choice.slice(0, at), Number(choice.slice(at + 1)));
    setStarting(false);
  };
  return (
    <div className={styles.run}>
      <Select
        aria-label={t("ai.model")}
        data={choices}
        value={choice}
        size="xs"
        maxDropdownHeight={320}
        allowDeselect={false}
        comboboxProps={{ withinPortal: true }}
        onChange={(value) => { if (value) useAnalyses.setState({ choice: value }); }}
      />
      <Button size="xs" leftSection={<IconPlayerPlayFilled size={14} />} disabled={Boolean(obstacle) || isRunning} loading={isStarting} onClick={() => { void run(); }}>
        {t("ai.run")}
      </Button>
      {startError ? <p className={styles.obstacle} role="alert">{startError}</p> : obstacle && <p className={styles.empty}>{obstacle}</p>}
    </div>
  );
}
