/** Freezes chosen studies as a cohort's version: what is to be learnt of each, and how the patients are split. */

import { Alert, Button, Group, NumberInput, Select, SimpleGrid, Stack, Switch, TagsInput, Text, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { freezeCohort, useLabelSchemes, type CohortKind } from "../../store/cohorts";
import { keys, useCohorts } from "../../store/queries";
import { BLANK, isCohortName, sumOf } from "./datasetForms";
import { SplitParts } from "./SplitParts";

interface Props {
  team: string;
  studies?: readonly string[];
  /** What the worklist was asked: all that it finds. */
  search?: Record<string, string>;
}

const KINDS: readonly CohortKind[] = ["classes", "multi_label", "masks", "boxes", "images"];
const hasLabels = (kind: CohortKind): boolean => kind === "classes" || kind === "multi_label";

export function FreezeCohort({ team, studies, search }: Props): ReactNode {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const cohorts = useCohorts(team);
  const schemes = useLabelSchemes(team);
  const [name, setName] = useState("");
  const [title, setTitle] = useState("");
  const [description, setDescription] = useState("");
  const [kind, setKind] = useState<CohortKind>("classes");
  const [chosenScheme, setScheme] = useState<string | null>(null);
  const [classes, setClasses] = useState<string[]>([]);
  const [takesModels, setTakesModels] = useState(false);
  const [parts, setParts] = useState(BLANK.parts);
  const [seed, setSeed] = useState<number | string>(0);
  const scheme = chosenScheme ?? schemes.data?.[0]?.scheme ?? "";
  const values = Object.entries(schemes.data?.find((one) => one.scheme === scheme)?.values ?? {});
  const known = cohorts.data?.find((one) => one.name === name.trim());
  const freeze = useMutation({
    mutationFn: () =>
      freezeCohort(team, {
        name: name.trim(),
        kind,
        ...(title.trim() ? { title: title.trim() } : {}),
        ...(description.trim() ? { description: description.trim() } : {}),
        ...(studies ? { studies: [...studies] } : { search: search ?? {} }),
        ...(hasLabels(kind) ? { scheme } : {}),
        ...(classes.length && kind !== "images" ? { classes } : {}),
        ...(takesModels && kind !== "images" ? { include_model_marks: true } : {}),
        split: { train: parts.train / 100, validation: parts.validation / 100, test: parts.test / 100 },
        seed: Number(seed) || 0,
      }),
    onSuccess: async (version) => {
      await client.invalidateQueries({ queryKey: keys.cohorts(team) });
      await navigate({ to: "/teams/$team/cohorts/$name", params: { team, name: version.cohort } });
    },
  });
  const isReady = isCohortName(name) && sumOf(parts) === 100 && (!hasLabels(kind) || scheme !== "");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) freeze.mutate();
      }}
    >
      <Stack>
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput
            label={t("dataset.cohort")}
            description={known ? t("dataset.nextVersion", { number: (known.versions[0]?.number ?? 0) + 1 }) : t("dataset.newCohort")}
            required
            data-autofocus
            value={name}
            error={name && !isCohortName(name) ? t("dataset.badName") : undefined}
            onChange={(event) => {
              setName(event.currentTarget.value);
            }}
          />
          <TextInput
            label={t("dataset.title")}
            description={t("dataset.titleHint")}
            value={title}
            onChange={(event) => {
              setTitle(event.currentTarget.value);
            }}
          />
        </SimpleGrid>
        <Select
          label={t("freeze.kind")}
          description={t(`freeze.kinds.${kind}`)}
          allowDeselect={false}
          data={KINDS.map((value) => ({ value, label: t(`cohortKind.${value}`) }))}
          value={kind}
          onChange={(value) => {
            setKind(value as CohortKind);
            setClasses([]);
          }}
        />
        {hasLabels(kind) &&
          (schemes.data && !schemes.data.length ? (
            <Alert color="orange">{t("freeze.noLabels")}</Alert>
          ) : (
            <Select
              label={t("selection.scheme")}
              description={values.map(([value, count]) => `${value || "–"}: ${String(count)}`).join(" · ")}
              allowDeselect={false}
              data={(schemes.data ?? []).map((one) => one.scheme)}
              value={scheme || null}
              onChange={(value) => {
                setScheme(value);
                setClasses([]);
              }}
            />
          ))}
        {kind !== "images" && (
          <TagsInput
            label={t("freeze.classes")}
            description={t(hasLabels(kind) ? "freeze.classesHint" : "freeze.markedHint")}
            data={values.map(([value]) => value).filter(Boolean)}
            value={classes}
            onChange={setClasses}
          />
        )}
        {kind !== "images" && (
          <Switch
            label={t("freeze.models")}
            description={t("freeze.modelsHint")}
            checked={takesModels}
            onChange={(event) => {
              setTakesModels(event.currentTarget.checked);
            }}
          />
        )}
        <div>
          <Text size="sm" fw={500}>
            {t("dataset.split")}
          </Text>
          <SplitParts parts={parts} onChange={setParts} />
        </div>
        <details>
          <summary>{t("freeze.more")}</summary>
          <SimpleGrid cols={{ base: 1, xs: 2 }} mt="xs">
            <Textarea
              label={t("freeze.description")}
              value={description}
              autosize
              onChange={(event) => {
                setDescription(event.currentTarget.value);
              }}
            />
            <NumberInput label={t("setting.seed.label")} description={t("freeze.seedHint")} min={0} max={2 ** 31 - 1} value={seed} onChange={setSeed} />
          </SimpleGrid>
        </details>
        {freeze.error && (
          <Alert color="red" role="alert">
            {freeze.error.message}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button type="submit" disabled={!isReady} loading={freeze.isPending}>
            {t("freeze.freeze")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
