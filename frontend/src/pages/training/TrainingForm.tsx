/** What to learn from, how, and as which model; beside it what speaks for and against the cohort, and a look at samples. */

import { Alert, Autocomplete, Button, Grid, Group, Paper, Select, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, dataOf } from "../../api/client";
import { keys, useModels, useRecipes, type Cohort, type CohortVersion, type Recipe, type Training } from "../../store/queries";
import { Failed, Loading } from "../../ui/States";
import { CohortSide } from "./CohortSide";
import { asModelName, faultOf, isModelName, isRelevant, samplesOf, steeringOf, type Settings } from "./fields";
import { SamplePreview } from "./SamplePreview";
import { SettingsForm } from "./SettingsForm";
import { titleOf } from "./runs";

export interface Beginning {
  cohort: string;
  version: number;
  recipe: string;
  /** null: named after cohort and task, until somebody names it. */
  model: string | null;
  settings: Settings;
  /** The run from which the settings are. */
  origin: Training | null;
}

interface Props {
  team: string;
  cohorts: readonly Cohort[];
  beginning: Beginning;
}

export function TrainingForm({ team, cohorts, beginning }: Props): ReactNode {
  const { t } = useTranslation();
  const [cohortName, setCohort] = useState(beginning.cohort);
  const [number, setNumber] = useState(beginning.version);
  const cohort = cohorts.find(({ name }) => name === cohortName);
  const version = cohort?.versions.find((one) => one.number === number);
  const recipes = useRecipes(team, { cohort: cohortName, version: number });
  return (
    <Grid gap="lg">
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Stack>
          {beginning.origin && (
            <Text size="sm" c="dimmed">
              {beginning.origin.version
                ? t("form.copied", { model: beginning.origin.model, version: beginning.origin.version })
                : t("form.copiedRun")}{" "}
              ({titleOf(beginning.origin)})
            </Text>
          )}
          <Paper withBorder p="md" component="section" aria-label={t("form.what")}>
            <Title order={4} mb="xs">
              {t("form.what")}
            </Title>
            <SimpleGrid cols={{ base: 1, xs: 2 }}>
              <Select
                label={t("training.cohort")}
                data={cohorts.map(({ name, title }) => ({ value: name, label: title || name }))}
                value={cohortName}
                searchable
                allowDeselect={false}
                onChange={(name) => {
                  const next = cohorts.find((one) => one.name === name);
                  if (!next) return;
                  setCohort(next.name);
                  setNumber(next.versions[0]?.number ?? 1);
                }}
              />
              <Select
                label={t("form.version")}
                data={(cohort?.versions ?? []).map((one, index) => ({
                  value: String(one.number),
                  label: index ? `v${String(one.number)}` : t("form.newest", { number: one.number }),
                }))}
                value={String(number)}
                allowDeselect={false}
                onChange={(value) => {
                  setNumber(Number(value));
                }}
              />
            </SimpleGrid>
            {version && (
              <Text size="sm" c="dimmed" mt="xs">
                {t(`cohortKind.${version.kind ?? "classes"}`)}
                {version.classes.length > 0 && `: ${version.classes.join(", ")}`}
              </Text>
            )}
            {version?.is_trainable === false && (
              <Alert color="orange" mt="xs">
                {t("cohorts.lost")}
              </Alert>
            )}
          </Paper>
          {recipes.isError && <Failed error={recipes.error} onRetry={() => void recipes.refetch()} />}
          {recipes.isPending && <Loading />}
          {recipes.data && !recipes.data.length && <Alert color="orange">{t("form.noRecipe")}</Alert>}
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5 }} order={{ base: 2, md: 2 }}>
        {version && (
          <Paper withBorder p="md" component="section" aria-label={t("form.cohortSays")}>
            <Title order={4} mb="xs">
              {t("form.cohortSays")}
            </Title>
            <CohortSide team={team} version={version} />
          </Paper>
        )}
      </Grid.Col>
      <Grid.Col span={12} order={3}>
        {version && recipes.data && recipes.data.length > 0 && (
          <How key={`${cohortName}@${String(number)}`} team={team} version={version} recipes={recipes.data} beginning={beginning} />
        )}
      </Grid.Col>
    </Grid>
  );
}

interface HowProps {
  team: string;
  version: CohortVersion;
  recipes: readonly Recipe[];
  beginning: Beginning;
}

function How({ team, version, recipes, beginning }: HowProps): ReactNode {
  const { t } = useTranslation();
  const [recipeName, setRecipe] = useState(beginning.recipe);
  const [settings, setSettings] = useState<Settings>(beginning.settings);
  // Other defaults run with some settings than without: the form shows those, and what was set by hand stays.
  const steered = useRecipes(team, { cohort: version.cohort, version: version.number, ...steeringOf(settings) });
  const known = steered.data ?? recipes;
  const recipe = known.find(({ name }) => name === recipeName) ?? known[0];
  const [named, setNamed] = useState<string | null>(beginning.model);
  if (!recipe) return null;
  const model = named ?? asModelName(`${version.cohort}-${recipe.name}`);
  return (
    <Stack>
      <Paper withBorder p="md" component="section" aria-label={t("form.how")}>
        <Title order={4} mb="xs">
          {t("form.how")}
        </Title>
        <SimpleGrid cols={{ base: 1, xs: 2 }} mb="md">
          <Select
            label={t("form.recipe")}
            data={known.map(({ name, title }) => ({ value: name, label: t(`recipe.${name}`, { defaultValue: title }) }))}
            value={recipe.name}
            allowDeselect={false}
            onChange={(value) => {
              setRecipe(value ?? "");
              setSettings({});
            }}
          />
          <ModelName team={team} task={recipe.task} model={model} isControl={isControl(settings)} onChange={setNamed} />
        </SimpleGrid>
        {steered.isError && <Failed error={steered.error} onRetry={() => void steered.refetch()} />}
        <SettingsForm recipe={recipe} settings={settings} onChange={setSettings} />
      </Paper>
      <SamplePreview team={team} version={version} recipe={recipe} settings={settings} />
      <Start
        team={team}
        version={version}
        recipe={recipe}
        settings={settings}
        model={model}
        isCurrent={steered.isSuccess && !steered.isPlaceholderData}
      />
    </Stack>
  );
}

const isControl = (settings: Settings): boolean => settings.control !== undefined && settings.control !== "none";

interface ModelNameProps {
  team: string;
  task: string;
  model: string;
  isControl: boolean;
  onChange: (name: string) => void;
}

function ModelName({ team, task, model, isControl: control, onChange }: ModelNameProps): ReactNode {
  const { t } = useTranslation();
  const models = useModels(team);
  const known = models.data?.find(({ name }) => name === model);
  const next = Math.max(0, ...(known?.versions.map((one) => one.number) ?? [])) + 1;
  const hint = control ? t("form.asControl") : known ? t("form.next", { number: next, model }) : t("form.first");
  const isOther = known !== undefined && known.task !== task;
  const fault = !isModelName(model)
    ? t("form.badName")
    : isOther
      ? t("form.otherTask", { model, task: t(`task.${known.task}`, { defaultValue: known.task }) })
      : undefined;
  return (
    <Autocomplete
      label={t("form.model")}
      description={hint}
      error={fault}
      data={(models.data ?? []).filter((one) => one.task === task).map(({ name }) => name)}
      value={model}
      onChange={onChange}
    />
  );
}

interface StartProps {
  team: string;
  version: CohortVersion;
  recipe: Recipe;
  settings: Settings;
  model: string;
  /** Whether the defaults shown are those that would run. */
  isCurrent: boolean;
}

function Start({ team, version, recipe, settings, model, isCurrent }: StartProps): ReactNode {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  // The same id again is the same training: a second click starts nothing twice.
  const [id] = useState(() => crypto.randomUUID());
  const start = useMutation({
    mutationFn: () =>
      dataOf(
        api.POST("/api/v1/teams/{team}/trainings/", {
          params: { path: { team } },
          body: { id, cohort: version.cohort, cohort_version: version.number, recipe: recipe.name, model, settings: { ...settings } },
        }),
      ),
    onSuccess: async (training) => {
      client.setQueryData(keys.training(team, id), training);
      await client.invalidateQueries({ queryKey: keys.trainings(team) });
      await navigate({ to: "/teams/$team/training/$job", params: { team, job: id } });
    },
  });
  const faults = recipe.fields.filter(
    (field) => isRelevant(field, settings, recipe) && faultOf(field, settings[field.name] ?? field.default) !== null,
  );
  const estimate = samplesOf(recipe, settings, version);
  const digits = new Intl.NumberFormat(i18n.language, { maximumSignificantDigits: 3 });
  const isReady = isCurrent && !faults.length && isModelName(model) && version.is_trainable !== false;
  return (
    <Paper withBorder p="md">
      {start.error && (
        <Alert color="red" role="alert" mb="sm">
          {start.error.message}
        </Alert>
      )}
      <Group justify="space-between">
        <div>
          {estimate && (
            <Text size="sm" c="dimmed" data-testid="estimate">
              {t("form.samples", {
                samples: digits.format(estimate.perEpoch),
                steps: digits.format(estimate.steps),
                total: digits.format(estimate.total),
              })}
            </Text>
          )}
          {faults.length > 0 && (
            <Text size="sm" c="red" role="alert">
              {t("form.fixFirst", { count: faults.length })}
            </Text>
          )}
        </div>
        <Button
          disabled={!isReady}
          loading={start.isPending}
          onClick={() => {
            start.mutate();
          }}
        >
          {t("form.start")}
        </Button>
      </Group>
    </Paper>
  );
}
