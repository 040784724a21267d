/** The form that starts a training: made of what the recipe declares, every field explained. */

import { Accordion, Alert, Button, Group, Modal, NumberInput, Select, SimpleGrid, Stack, Switch, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, dataOf } from "../../api/client";
import { keys, useRecipes, type Cohort, type Recipe, type RecipeField } from "../../store/queries";
import { Loading } from "../../ui/States";

// What most people look at; the other settings are a click away.
const FOREMOST = ["epochs", "stop_metric", "stop_value", "shuffled_labels"];

interface Props {
  team: string;
  cohorts: readonly Cohort[];
  isOpen: boolean;
  onClose: () => void;
}

export function NewTraining({ team, cohorts, isOpen, onClose }: Props): ReactNode {
  const { t } = useTranslation();
  const recipes = useRecipes(team);
  return (
    <Modal opened={isOpen} onClose={onClose} title={t("training.new")} size="lg">
      {recipes.data ? <Form team={team} cohorts={cohorts} recipes={recipes.data} /> : <Loading />}
    </Modal>
  );
}

type Settings = Record<string, unknown>;

function Form({ team, cohorts, recipes }: { team: string; cohorts: readonly Cohort[]; recipes: Recipe[] }): ReactNode {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  // The same id again is the same training: a second click starts nothing twice.
  const [id] = useState(() => crypto.randomUUID());
  const [cohort, setCohort] = useState(cohorts[0]?.name ?? "");
  const [recipeName, setRecipe] = useState(recipes[0]?.name ?? "");
  const [model, setModel] = useState("lung-cancer");
  const [settings, setSettings] = useState<Settings>({});
  const recipe = recipes.find(({ name }) => name === recipeName);
  const start = useMutation({
    mutationFn: () =>
      dataOf(
        api.POST("/api/v1/teams/{team}/trainings/", {
          params: { path: { team } },
          body: { id, cohort, recipe: recipeName, model, settings },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.trainings(team) });
      await navigate({ to: "/teams/$team/training/$job", params: { team, job: id } });
    },
  });
  const fields = (recipe?.fields ?? []).map((field) => (
    <Field
      key={field.name}
      field={field}
      value={settings[field.name] ?? field.default}
      onChange={(value) => {
        setSettings((old) => ({ ...old, [field.name]: value }));
      }}
    />
  ));
  const isForemost = (node: (typeof fields)[number]): boolean => FOREMOST.includes(node.key ?? "");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        start.mutate();
      }}
    >
      <Stack>
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <Select
            label={t("training.cohort")}
            data={cohorts.map(({ name, title }) => ({ value: name, label: title || name }))}
            value={cohort}
            allowDeselect={false}
            onChange={(value) => {
              setCohort(value ?? "");
            }}
          />
          <Select
            label={t("training.recipe")}
            data={recipes.map(({ name, title }) => ({ value: name, label: t(`recipe.${name}`, { defaultValue: title }) }))}
            value={recipeName}
            allowDeselect={false}
            onChange={(value) => {
              setRecipe(value ?? "");
              setSettings({});
            }}
          />
        </SimpleGrid>
        <TextInput
          label={t("training.model")}
          description={t("training.modelHint")}
          required
          pattern="[a-z0-9][a-z0-9\-]{0,62}"
          value={model}
          onChange={(event) => {
            setModel(event.currentTarget.value);
          }}
        />
        <SimpleGrid cols={{ base: 1, xs: 2 }}>{fields.filter(isForemost)}</SimpleGrid>
        <Accordion variant="contained">
          <Accordion.Item value="more">
            <Accordion.Control>{t("training.more")}</Accordion.Control>
            <Accordion.Panel>
              <SimpleGrid cols={{ base: 1, xs: 2 }}>{fields.filter((field) => !isForemost(field))}</SimpleGrid>
            </Accordion.Panel>
          </Accordion.Item>
        </Accordion>
        {start.error && (
          <Alert color="red" role="alert">
            {start.error.message}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button type="submit" loading={start.isPending}>
            {t("training.start")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface FieldProps {
  field: RecipeField;
  value: unknown;
  onChange: (value: unknown) => void;
}

function Field({ field, value, onChange }: FieldProps): ReactNode {
  const { t } = useTranslation();
  const label = t(`setting.${field.name}.label`, { defaultValue: field.name });
  const description = t(`setting.${field.name}.help`, { defaultValue: field.help });
  const common = { label, description, id: `setting-${field.name}` };
  if (field.type === "boolean") {
    return (
      <Switch
        {...common}
        checked={value === true}
        onChange={(event) => {
          onChange(event.currentTarget.checked);
        }}
      />
    );
  }
  if (field.type === "choice") {
    return (
      <Select
        {...common}
        allowDeselect={false}
        data={(field.choices ?? []).map((choice) => ({ value: choice, label: t(`metric.${choice}`, { defaultValue: choice }) }))}
        value={String(value)}
        onChange={onChange}
      />
    );
  }
  if (field.type === "text") {
    return (
      <TextInput
        {...common}
        value={String(value)}
        onChange={(event) => {
          onChange(event.currentTarget.value);
        }}
      />
    );
  }
  return (
    <NumberInput
      {...common}
      value={Number(value)}
      allowDecimal={field.type === "number"}
      {...(field.minimum === null ? {} : { min: field.minimum })}
      {...(field.maximum === null ? {} : { max: field.maximum })}
      onChange={(number) => {
        if (number !== "") onChange(Number(number));
      }}
    />
  );
}
