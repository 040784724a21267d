/** One cohort: its versions, what each holds, what is wrong with it, and what was learnt from it. */

import { Anchor, Badge, Button, Code, Container, Grid, Group, Loader, Paper, Select, Stack, Table, Text, Title } from "@mantine/core";
import { IconPlayerPlay, IconRuler2 } from "@tabler/icons-react";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { SPLITS, useCheck, useCohort, type Check } from "../store/cohorts";
import { useEvaluations } from "../store/evaluations";
import { useTrainings, type Cohort, type CohortVersion } from "../store/queries";
import { includes, teamOf, useSession } from "../store/session";
import { Balance } from "../ui/Balance";
import { Findings } from "../ui/Findings";
import { moment } from "../ui/format";
import { JobBadge } from "../ui/JobBadge";
import { Pages } from "../ui/Pages";
import { Failed, Loading } from "../ui/States";
import { FingerprintLine } from "./cohorts/FingerprintLine";
import { EvaluationLine } from "./evaluations/EvaluationLine";
import { StartEvaluation } from "./evaluations/StartEvaluation";
import { SeriesLink } from "./SeriesLink";
import { titleOf } from "./training/runs";

export function CohortPage(): ReactNode {
  const { team, name } = useParams({ from: "/signed-in/teams/$team/cohorts/$name" });
  const cohort = useCohort(team, name);
  useEffect(() => {
    document.title = `${name} · medportal`;
  }, [name]);
  if (cohort.isPending) return <Loading />;
  if (cohort.isError) return <Failed error={cohort.error} onRetry={() => void cohort.refetch()} />;
  return <Content team={team} cohort={cohort.data} />;
}

function Content({ team, cohort }: { team: string; cohort: Cohort }): ReactNode {
  const { t, i18n } = useTranslation();
  const mayTrain = useSession((state) => includes(teamOf(state.me, team)?.role, "researcher"));
  const [number, setNumber] = useState<number | null>(null);
  const [isEvaluating, setEvaluating] = useState(false);
  const version = cohort.versions.find((one) => one.number === number) ?? cohort.versions[0];
  if (!version) return null;
  const isTrainable = version.is_trainable !== false && (version.patients.train ?? 0) > 0;
  return (
    <Container size="lg" px={0}>
      <Group justify="space-between" align="flex-start" mb="md">
        <div>
          <Title order={2}>{cohort.title || cohort.name}</Title>
          <Text size="sm" c="dimmed">
            <Anchor inherit renderRoot={(props) => <Link {...props} to="/teams/$team/cohorts" params={{ team }} />}>
              {t("place.cohorts")}
            </Anchor>{" "}
            · {cohort.name}
          </Text>
          {cohort.description && <Text size="sm">{cohort.description}</Text>}
        </div>
        <Group gap="xs" align="flex-end">
          <Select
            w={150}
            aria-label={t("form.version")}
            allowDeselect={false}
            data={cohort.versions.map((one, index) => ({
              value: String(one.number),
              label: index ? `v${String(one.number)}` : t("form.newest", { number: one.number }),
            }))}
            value={String(version.number)}
            onChange={(value) => {
              setNumber(Number(value));
            }}
          />
          {mayTrain && (
            <Button
              variant="default"
              leftSection={<IconRuler2 size={16} />}
              onClick={() => {
                setEvaluating(true);
              }}
            >
              {t("evaluation.start")}
            </Button>
          )}
          {mayTrain && isTrainable && (
            <Button
              leftSection={<IconPlayerPlay size={16} />}
              renderRoot={(props) => (
                <Link
                  {...props}
                  to="/teams/$team/training/new"
                  params={{ team }}
                  search={{ cohort: cohort.name, version: version.number }}
                />
              )}
            >
              {t("cohorts.train")}
            </Button>
          )}
        </Group>
      </Group>
      <Stack>
        <Paper withBorder p="md">
          <Group gap="xs" mb={4}>
            <Text fw={600}>v{version.number}</Text>
            <Badge variant="light" tt="none">
              {t(`cohortKind.${version.kind ?? "classes"}`)}
            </Badge>
            {version.is_trainable === false && (
              <Badge color="orange" tt="none">
                {t("cohorts.notTrainable")}
              </Badge>
            )}
          </Group>
          <FingerprintLine version={version} />
          {version.fingerprint.manufacturers?.some(Boolean) && (
            <Text size="sm" c="dimmed">
              {version.fingerprint.manufacturers.filter(Boolean).join(", ")}
            </Text>
          )}
          <Text size="xs" c="dimmed" mt={4}>
            {t("cohorts.frozenBy", { who: version.created_by ?? "–", when: moment(version.created_at, i18n.language) })} ·{" "}
            {t("cohorts.frozen")} <Code title={version.content_hash}>{version.content_hash.slice(0, 16)}</Code>
          </Text>
        </Paper>
        <Grid>
          <Grid.Col span={{ base: 12, md: 7 }}>
            <Balance
              classes={version.classes}
              counts={version.counts}
              patients={version.patients}
              seriesOfSplit={version.fingerprint.series_of_split ?? {}}
              splits={SPLITS}
            />
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 5 }}>
            <CheckPanel team={team} version={version} />
          </Grid.Col>
        </Grid>
        <Learnt key={version.number} team={team} version={version} />
        <Measured team={team} version={version} />
      </Stack>
      <StartEvaluation
        team={team}
        isOpen={isEvaluating}
        cohort={{ name: cohort.name, version: version.number }}
        onClose={() => {
          setEvaluating(false);
        }}
      />
    </Container>
  );
}

function CheckPanel({ team, version }: { team: string; version: CohortVersion }): ReactNode {
  const { t } = useTranslation();
  const check = useCheck(team, version);
  return (
    <Paper withBorder p="md" component="section" aria-label={t("cohorts.check")}>
      <Group justify="space-between" mb="xs">
        <Title order={4}>{t("cohorts.check")}</Title>
        {check.isFetching && <Loader size={14} aria-label={t("form.checking")} />}
      </Group>
      {check.isError ? (
        <Failed error={check.error} onRetry={() => void check.refetch()} />
      ) : (
        <Stack gap="xs">
          <Findings findings={(check.data ?? version.check).findings ?? []} />
          {check.data && <Duplicates team={team} check={check.data} />}
          {check.data && <Manufacturers check={check.data} />}
        </Stack>
      )}
    </Paper>
  );
}

function Duplicates({ team, check }: { team: string; check: Check }): ReactNode {
  const { t } = useTranslation();
  const pairs = check.near_duplicates ?? [];
  if (!pairs.length) return null;
  return (
    <details>
      <summary>{t("cohorts.pairs", { count: check.near_duplicate_pairs ?? pairs.length })}</summary>
      <Stack gap={2} mt={4} mah={260} style={{ overflow: "auto" }}>
        {pairs.map(({ series, splits, distance }, index) => (
          <Group key={index} gap={6}>
            {series.map((uid, side) => (
              <SeriesLink key={uid} team={team} series={uid} size="sm">
                {t(`cohorts.splits.${splits[side] ?? "train"}`)} …{uid.slice(-8)}
              </SeriesLink>
            ))}
            <Text size="xs" c="dimmed">
              {t("cohorts.distance", { bits: distance })}
            </Text>
          </Group>
        ))}
      </Stack>
    </details>
  );
}

/** Class by manufacturer: where they go together, a model may learn the scanner. */
function Manufacturers({ check }: { check: Check }): ReactNode {
  const { t } = useTranslation();
  const table = check.manufacturers ?? {};
  const makers = [...new Set(Object.values(table).flatMap((counts) => Object.keys(counts)))];
  if (makers.length < 2) return null;
  return (
    <details>
      <summary>{t("cohorts.manufacturers")}</summary>
      <Table.ScrollContainer minWidth={120 + 90 * makers.length}>
        <Table className="figures" verticalSpacing={2}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th />
              {makers.map((maker) => (
                <Table.Th key={maker}>{maker || t("cohorts.unknown")}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {Object.entries(table).map(([name, counts]) => (
              <Table.Tr key={name}>
                <Table.Td>{name}</Table.Td>
                {makers.map((maker) => (
                  <Table.Td key={maker}>{counts[maker] ?? 0}</Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </details>
  );
}

function Measured({ team, version }: { team: string; version: CohortVersion }): ReactNode {
  const { t } = useTranslation();
  const evaluations = useEvaluations(team, { cohort: version.cohort });
  const own = (evaluations.data ?? []).filter((one) => one.cohort_version === version.number);
  if (!own.length) return null;
  return (
    <Paper withBorder p="md">
      <Title order={4} mb="xs">
        {t("cohorts.measured")}
      </Title>
      <Stack gap={6}>
        {own.map((evaluation) => (
          <EvaluationLine key={evaluation.id} team={team} evaluation={evaluation} withModel />
        ))}
      </Stack>
    </Paper>
  );
}

function Learnt({ team, version }: { team: string; version: CohortVersion }): ReactNode {
  const { t } = useTranslation();
  const [page, setPage] = useState(1);
  const trainings = useTrainings(team, { cohort: version.cohort, version: version.number, page });
  if (!trainings.data?.count) return null;
  return (
    <Paper withBorder p="md">
      <Title order={4} mb="xs">
        {t("cohorts.learnt")}
      </Title>
      <Stack gap={6}>
        {trainings.data.results.map((training) => (
          <Group key={training.job.id} justify="space-between">
            <Anchor
              size="sm"
              renderRoot={(props) => <Link {...props} to="/teams/$team/training/$job" params={{ team, job: training.job.id }} />}
            >
              {titleOf(training)} · {t(`task.${training.recipe}`, { defaultValue: training.recipe })}
            </Anchor>
            <JobBadge job={training.job} />
          </Group>
        ))}
        <Pages count={trainings.data.count} page={page} onChange={setPage} />
      </Stack>
    </Paper>
  );
}
