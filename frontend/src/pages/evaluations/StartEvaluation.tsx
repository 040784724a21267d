/** Asks on what a model is to be measured, or which model on a cohort; what does not fit together is not offered. */

import { Alert, Button, Checkbox, Group, Modal, Select, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { SPLITS, type Split } from "../../store/cohorts";
import { startEvaluation, takeEvaluation } from "../../store/evaluations";
import { useCohorts, useModels, useRecipes, type CohortVersion, type ModelVersion } from "../../store/queries";
import { Failed, Loading } from "../../ui/States";

interface Named {
  name: string;
  version: number;
}

interface Props {
  team: string;
  isOpen: boolean;
  /** What is given; the other is asked for. */
  cohort?: Named;
  model?: Named;
  onClose: () => void;
}

export function StartEvaluation({ isOpen, onClose, ...given }: Props): ReactNode {
  const { t } = useTranslation();
  return (
    <Modal opened={isOpen} onClose={onClose} title={t("evaluation.start")} size="md">
      {isOpen && <Form {...given} />}
    </Modal>
  );
}

const keyOf = (name: string, version: number): string => `${name}@${String(version)}`;

function Form({ team, cohort, model }: Omit<Props, "isOpen" | "onClose">): ReactNode {
  const models = useModels(team);
  const cohorts = useCohorts(team);
  const recipes = useRecipes(team);
  const broken = [models, cohorts, recipes].find((query) => query.isError);
  if (broken) return <Failed error={broken.error} onRetry={() => void broken.refetch()} />;
  if (!models.data || !cohorts.data || !recipes.data) return <Loading />;
  const kindsOf = new Map(recipes.data.map(({ task, kinds }) => [task, kinds]));
  const fits = (version: ModelVersion, on: CohortVersion): boolean =>
    kindsOf.get(version.task)?.includes(on.kind ?? "classes") ?? true;
  const allModels = models.data.flatMap(({ versions }) => versions);
  const allCohorts = cohorts.data.flatMap(({ versions }) => versions);
  const fixedModel = model && allModels.find((one) => one.model === model.name && one.number === model.version);
  const fixedCohort = cohort && allCohorts.find((one) => one.cohort === cohort.name && one.number === cohort.version);
  return (
    <Choose
      team={team}
      models={fixedModel ? [fixedModel] : allModels.filter((one) => !fixedCohort || fits(one, fixedCohort))}
      cohorts={fixedCohort ? [fixedCohort] : allCohorts.filter((one) => !fixedModel || fits(fixedModel, one))}
    />
  );
}

/** Whether classifiers can learn from a generator's images what the cohort tells apart. */
function canTell(model: ModelVersion, cohort: CohortVersion): boolean {
  const { task, classes } = model;
  return (
    task === "generation" &&
    classes.length > 1 &&
    (cohort.kind ?? "classes") === "classes" &&
    cohort.classes.length === classes.length &&
    classes.every((name) => cohort.classes.includes(name))
  );
}

function Choose({ team, models, cohorts }: { team: string; models: ModelVersion[]; cohorts: CohortVersion[] }): ReactNode {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  // The same id again is the same evaluation.
  const [id] = useState(() => crypto.randomUUID());
  const [modelKey, setModel] = useState(models[0] ? keyOf(models[0].model, models[0].number) : "");
  const [cohortKey, setCohort] = useState(cohorts[0] ? keyOf(cohorts[0].cohort, cohorts[0].number) : "");
  const [wanted, setSplit] = useState<Split>("test");
  const [isJudged, setJudged] = useState(false);
  const model = models.find((one) => keyOf(one.model, one.number) === modelKey);
  const cohort = cohorts.find((one) => keyOf(one.cohort, one.number) === cohortKey);
  const splits = SPLITS.filter((one) => (cohort?.patients[one] ?? 0) > 0);
  const split = splits.includes(wanted) ? wanted : splits.at(-1);
  const mayJudge = model !== undefined && cohort !== undefined && split !== "train" && canTell(model, cohort);
  const start = useMutation({
    mutationFn: () =>
      startEvaluation(team, {
        id,
        model: model?.model ?? "",
        ...(model ? { version: model.number } : {}),
        cohort: cohort?.cohort ?? "",
        ...(cohort ? { cohort_version: cohort.number } : {}),
        split: split ?? "test",
        worth: mayJudge && isJudged,
      }),
    onSuccess: async (evaluation) => {
      takeEvaluation(client, team, evaluation);
      await navigate({ to: "/teams/$team/evaluations/$id", params: { team, id } });
    },
  });
  if (!models.length || !cohorts.length) return <Text c="dimmed">{t(models.length ? "evaluation.noCohort" : "evaluation.noModel")}</Text>;
  return (
    <Stack>
      <Select
        label={t("training.model")}
        data={models.map((one) => ({ value: keyOf(one.model, one.number), label: `${one.model} v${String(one.number)}` }))}
        value={modelKey}
        searchable
        allowDeselect={false}
        onChange={(value) => {
          setModel(value ?? "");
        }}
      />
      <Select
        label={t("training.cohort")}
        data={cohorts.map((one) => ({ value: keyOf(one.cohort, one.number), label: `${one.cohort} v${String(one.number)}` }))}
        value={cohortKey}
        searchable
        allowDeselect={false}
        onChange={(value) => {
          setCohort(value ?? "");
        }}
      />
      <Select
        label={t("cohorts.split")}
        description={split && split !== "test" ? t(`evaluation.splitHint.${split}`) : undefined}
        data={splits.map((one) => ({ value: one, label: `${t(`cohorts.splits.${one}`)} (${t("cohorts.groupCount", { count: cohort?.patients[one] ?? 0 })})` }))}
        value={split ?? null}
        allowDeselect={false}
        onChange={(value) => {
          setSplit(value as Split);
        }}
      />
      {mayJudge && (
        <Checkbox
          label={t("evaluation.askWorth")}
          description={t("evaluation.askWorthHint")}
          checked={isJudged}
          onChange={(event) => {
            setJudged(event.currentTarget.checked);
          }}
        />
      )}
      {start.error && (
        <Alert color="red" role="alert">
          {start.error.message}
        </Alert>
      )}
      <Group justify="flex-end">
        <Button
          loading={start.isPending}
          disabled={!split}
          onClick={() => {
            start.mutate();
          }}
        >
          {t("evaluation.start")}
        </Button>
      </Group>
    </Stack>
  );
}
