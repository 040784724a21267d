/** Several runs side by side: their curves over each other, the settings in which they differ, what each reached. */

import { Anchor, Badge, Container, Group, Paper, Select, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { Link, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ApiProblem } from "../api/client";
import { useControls, useRecipes, useTrainingsById, type Training } from "../store/queries";
import { Curves } from "../ui/Curves";
import { figuresIn, intervalText, metricOf, type Figure } from "../ui/Figures";
import { moment } from "../ui/format";
import { colourOf, dashOf, metricName, metricText } from "../ui/metric";
import { Empty, Failed, Loading } from "../ui/States";
import { useTeam } from "./SignedIn";
import { namesIn, valueOf } from "./training/history";
import { controlOf, differences, titleOf } from "./training/runs";

interface Numbered {
  training: Training;
  /** Runs of one model have the same title: the number tells them apart. */
  label: string;
}

/** Whether a run is not there (any more): the others are compared without it. */
const isGone = (error: Error): boolean => error instanceof ApiProblem && error.status === 404;

export function ComparePage(): ReactNode {
  const { t } = useTranslation();
  const team = useTeam();
  const { runs } = useSearch({ from: "/signed-in/teams/$team/training/compare" });
  const asked = useTrainingsById(team, [...new Set((runs ?? "").split(",").filter(Boolean))]);
  const chosen = asked.flatMap(({ data }) => data ?? []);
  // A model's controls stand beside it, whether they were chosen or not.
  const controls = useControls(
    team,
    chosen.filter((one) => controlOf(one) === "none").map(({ job }) => job.id),
  );
  useEffect(() => {
    document.title = `${t("training.compareTitle")} · medportal`;
  }, [t]);
  const all = [...chosen, ...controls.flatMap(({ data }) => data?.results ?? [])];
  const each = [...new Map(all.map((one) => [one.job.id, one])).values()];
  const numbered = each.map((training, index): Numbered => ({ training, label: `${String(index + 1)} · ${titleOf(training)}` }));
  const broken = [...asked, ...controls].find(({ error }) => error && !isGone(error));
  if (broken) return <Failed error={broken.error} onRetry={() => void broken.refetch()} />;
  if ([...asked, ...controls].some(({ isPending }) => isPending)) return <Loading />;
  return (
    <Container size="xl" px={0}>
      <Stack>
        <Group justify="space-between">
          <Title order={2}>{t("training.compareTitle")}</Title>
          <Anchor renderRoot={(props) => <Link {...props} to="/teams/$team/training" params={{ team }} />}>{t("form.back")}</Anchor>
        </Group>
        {numbered.length ? (
          <>
            <Overlaid team={team} runs={numbered} />
            <Table.ScrollContainer minWidth={220 + 170 * numbered.length}>
              <Table className="compare" withTableBorder verticalSpacing={4}>
                <Heads team={team} runs={numbered} />
                <Finals runs={numbered} />
                <Differing runs={numbered} />
              </Table>
            </Table.ScrollContainer>
          </>
        ) : (
          <Empty title={t("training.compareNone")}>{t("training.compareNoneHint")}</Empty>
        )}
      </Stack>
    </Container>
  );
}

function Overlaid({ team, runs }: { team: string; runs: readonly Numbered[] }): ReactNode {
  const { t } = useTranslation();
  const recipes = useRecipes(team);
  const histories = runs.flatMap(({ training }) => training.history);
  const recipe = recipes.data?.find(({ name }) => name === runs[0]?.training.recipe);
  if (!histories.length) return <Empty title={t("training.noFigures")} />;
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <One runs={runs} of="figures" label={t("training.figure")} first={recipe?.headline ?? ""} />
      <One runs={runs} of="losses" label={t("training.lossName")} first="train_loss" />
    </SimpleGrid>
  );
}

interface OneProps {
  runs: readonly Numbered[];
  of: "losses" | "figures";
  label: string;
  first: string;
}

function One({ runs, of, label, first }: OneProps): ReactNode {
  const { t } = useTranslation();
  const names = namesIn(
    runs.flatMap(({ training }) => training.history),
    of,
  );
  const [chosen, setChosen] = useState<string | null>(null);
  const name = chosen ?? (names.includes(first) ? first : (names[0] ?? ""));
  const most = Math.max(...runs.map(({ training }) => training.history.at(-1)?.epoch ?? 0));
  const epochs = useMemo(() => Array.from({ length: most }, (_, index) => index + 1), [most]);
  const curves = useMemo(
    () =>
      runs.map(({ training, label: run }, index) => {
        const values = new Map(training.history.map((epoch) => [epoch.epoch, valueOf(epoch, name)]));
        const isControl = controlOf(training) !== "none";
        return {
          label: run,
          colour: colourOf(index),
          ...(isControl ? { dash: [4, 4] } : dashOf(index)),
          values: epochs.map((epoch) => values.get(epoch) ?? null),
        };
      }),
    [runs, name, epochs],
  );
  return (
    <Paper withBorder p="sm">
      <Select
        label={label}
        maw={260}
        size="xs"
        mb="xs"
        allowDeselect={false}
        data={names.map((value) => ({ value, label: metricName(t, value) }))}
        value={name}
        onChange={setChosen}
      />
      <Curves title={metricName(t, name)} x={epochs} xLabel={t("training.epoch")} isWhole curves={curves} />
    </Paper>
  );
}

function Heads({ team, runs }: { team: string; runs: readonly Numbered[] }): ReactNode {
  const { t, i18n } = useTranslation();
  return (
    <Table.Thead>
      <Table.Tr>
        <Table.Th>{t("training.run")}</Table.Th>
        {runs.map(({ training, label }, index) => (
          <Table.Th key={training.job.id}>
            <Group gap={6} wrap="nowrap">
              <span className="swatch" style={{ background: colourOf(index) }} />
              <Anchor
                size="sm"
                fw={600}
                renderRoot={(props) => <Link {...props} to="/teams/$team/training/$job" params={{ team, job: training.job.id }} />}
              >
                {label}
              </Anchor>
            </Group>
            <Text size="xs" c="dimmed" fw={400}>
              {training.cohort} v{training.cohort_version} · {t(`task.${training.recipe}`, { defaultValue: training.recipe })}
              <br />
              {t(`job.${training.job.state}`)} · {moment(training.job.created_at, i18n.language)}
            </Text>
            {controlOf(training) !== "none" && (
              <Badge color="grape" variant="light" size="sm" tt="none">
                {t(`training.controls.${controlOf(training)}`, { defaultValue: t("training.control") })}
              </Badge>
            )}
          </Table.Th>
        ))}
      </Table.Tr>
    </Table.Thead>
  );
}

function Section({ title, columns }: { title: string; columns: number }): ReactNode {
  return (
    <Table.Tr>
      <Table.Th colSpan={columns + 1} scope="rowgroup" className="section">
        {title}
      </Table.Th>
    </Table.Tr>
  );
}

function Finals({ runs }: { runs: readonly Numbered[] }): ReactNode {
  const { t } = useTranslation();
  const names = [...new Set(runs.flatMap(({ training }) => figuresIn(training.metrics)))];
  if (!names.length) return null;
  return (
    <Table.Tbody>
      <Section title={t("training.final")} columns={runs.length} />
      {names.map((name) => (
        <Table.Tr key={name}>
          <Table.Td>{metricName(t, name)}</Table.Td>
          {runs.map(({ training }) => (
            <Table.Td key={training.job.id}>
              <Text span fw={600} size="sm" className="number">
                {metricText(metricOf(training.metrics, name))}
              </Text>{" "}
              <Text span size="xs" c="dimmed">
                {intervalText(training.metrics[name] as Figure | undefined)}
              </Text>
            </Table.Td>
          ))}
        </Table.Tr>
      ))}
    </Table.Tbody>
  );
}

function Differing({ runs }: { runs: readonly Numbered[] }): ReactNode {
  const { t } = useTranslation();
  const found = differences(runs.map(({ training }) => training.config));
  return (
    <Table.Tbody>
      <Section title={t("training.differing")} columns={runs.length} />
      {!found.length && (
        <Table.Tr>
          <Table.Td colSpan={runs.length + 1}>{t("training.noDifference")}</Table.Td>
        </Table.Tr>
      )}
      {found.map(({ name, values }) => (
        <Table.Tr key={name}>
          <Table.Td>{t(`setting.${name}.label`, { defaultValue: name })}</Table.Td>
          {values.map((value, index) => (
            <Table.Td key={runs[index]?.training.job.id ?? index}>{value === undefined ? "–" : String(value)}</Table.Td>
          ))}
        </Table.Tr>
      ))}
    </Table.Tbody>
  );
}
