/** One training run: its curves as they grow, what it was told, and what came of it. */

import { Alert, Anchor, Badge, Button, Code, Container, Group, Paper, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useTraining, type Training } from "../store/queries";
import { mayCancel, useSession } from "../store/session";
import { useTrainingEvents } from "../store/training";
import { Confirm } from "../ui/Confirm";
import { Curves, type Curve } from "../ui/Curves";
import { Figures } from "../ui/Figures";
import { duration, figure } from "../ui/format";
import { JobBadge } from "../ui/JobBadge";
import { Failed, Loading } from "../ui/States";
import { useCancelJob } from "./JobsPage";

const SCORES = { accuracy: "#4dabf7", recall: "#ff922b", precision: "#94d82d", f1: "#e599f7", auc: "#ffd43b" } as const;
const LOSSES = { train_loss: "#4dabf7", validation_loss: "#ff8787" } as const;

export function TrainingRunPage(): ReactNode {
  const { team, job: id } = useParams({ from: "/signed-in/teams/$team/training/$job" });
  const training = useTraining(team, id);
  const lines = useTrainingEvents(team, id, training.isSuccess);
  if (training.isPending) return <Loading />;
  if (training.isError) return <Failed error={training.error} onRetry={() => void training.refetch()} />;
  return <Run team={team} training={training.data} lines={lines} />;
}

function Run({ team, training, lines }: { team: string; training: Training; lines: readonly string[] }): ReactNode {
  const { t } = useTranslation();
  const { job, history, config, metrics } = training;
  const last = history.at(-1);
  const title = `${training.model}${training.version ? ` v${String(training.version)}` : ""}`;
  useEffect(() => {
    document.title = `${title} · medportal`;
  }, [title]);
  const isControl = config.shuffled_labels === true;
  return (
    <Container size="lg" px={0}>
      <Stack>
        <Group justify="space-between">
          <div>
            <Group gap="xs">
              <Title order={2}>{title}</Title>
              {isControl && (
                <Badge color="grape" tt="none">
                  {t("training.control")}
                </Badge>
              )}
            </Group>
            <Text size="sm" c="dimmed">
              {training.cohort} v{training.cohort_version} · {training.recipe} · {job.created_by ?? "–"}
              {job.attempt > 1 && ` · ${t("training.attempt", { count: job.attempt })}`}
            </Text>
          </div>
          <Group>
            {job.state === "running" && last?.eta_s != null && (
              <Text size="sm" c="dimmed">
                {t("training.left", { time: duration(last.eta_s) })}
              </Text>
            )}
            <JobBadge job={job} />
            <Cancel team={team} training={training} />
          </Group>
        </Group>
        {job.error_detail && (
          <Alert color={job.state === "cancelled" ? "orange" : "red"} title={t(`job.${job.state}`)}>
            {job.error_detail}
          </Alert>
        )}
        {job.state === "succeeded" && (
          <Alert color="teal">
            {isControl ? (
              t("training.controlDone")
            ) : (
              <>
                {t("training.inZoo", { model: training.model, version: training.version })}{" "}
                <Anchor href={`/teams/${team}/models`}>{t("place.models")}</Anchor>
              </>
            )}
          </Alert>
        )}
        <Charts training={training} />
        {Object.keys(metrics).length > 0 && (
          <div>
            <Title order={4} mb="xs">
              {t("training.test")}
            </Title>
            <Figures metrics={metrics} />
          </div>
        )}
        <Epochs training={training} />
        <Settings config={config} />
        {lines.length > 0 && (
          <details>
            <summary>{t("training.log")}</summary>
            <Code block>{lines.join("\n")}</Code>
          </details>
        )}
      </Stack>
    </Container>
  );
}

function Cancel({ team, training }: { team: string; training: Training }): ReactNode {
  const { t } = useTranslation();
  const cancel = useCancelJob(team);
  const [isAsking, setAsking] = useState(false);
  const me = useSession((state) => state.me);
  const { job } = training;
  const isOpen = job.state === "queued" || job.state === "running";
  if (!isOpen || !mayCancel(me, team, job)) return null;
  return (
    <>
      <Button
        variant="light"
        color="red"
        disabled={job.cancel_requested}
        onClick={() => {
          setAsking(true);
        }}
      >
        {t(job.cancel_requested ? "training.stopping" : "training.stop")}
      </Button>
      <Confirm
        question={isAsking ? t("training.askStop") : null}
        action={t("training.stop")}
        isBusy={false}
        onConfirm={() => {
          cancel(job.id);
          setAsking(false);
        }}
        onClose={() => {
          setAsking(false);
        }}
      />
    </>
  );
}

function Charts({ training }: { training: Training }): ReactNode {
  const { t } = useTranslation();
  const { history } = training;
  const epochs = useMemo(() => history.map(({ epoch }) => epoch), [history]);
  const curves = useMemo(() => {
    const of = (colours: Record<string, string>): Curve[] =>
      Object.entries(colours).map(([name, colour]) => ({
        label: t(`metric.${name}`),
        colour,
        values: history.map((epoch) => epoch[name as keyof typeof epoch]),
      }));
    return { losses: of(LOSSES), scores: of(SCORES) };
  }, [history, t]);
  if (!history.length) {
    return (
      <Paper withBorder p="xl">
        <Text c="dimmed" ta="center">
          {t(training.job.state === "queued" ? "training.waits" : "training.noEpoch")}
        </Text>
      </Paper>
    );
  }
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Paper withBorder p="sm">
        <Text fw={600}>{t("training.loss")}</Text>
        <Curves title={t("training.loss")} epochs={epochs} curves={curves.losses} />
      </Paper>
      <Paper withBorder p="sm">
        <Text fw={600}>{t("training.scores")}</Text>
        <Curves title={t("training.scores")} epochs={epochs} curves={curves.scores} range={[0, 1]} />
      </Paper>
    </SimpleGrid>
  );
}

function Epochs({ training }: { training: Training }): ReactNode {
  const { t } = useTranslation();
  if (!training.history.length) return null;
  const names = [...Object.keys(LOSSES), ...Object.keys(SCORES)] as (keyof typeof LOSSES | keyof typeof SCORES)[];
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table className="figures" verticalSpacing={2} data-testid="epochs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("training.epoch")}</Table.Th>
            {names.map((name) => (
              <Table.Th key={name}>{t(`metric.${name}`)}</Table.Th>
            ))}
            <Table.Th>{t("training.seconds")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {training.history.map((epoch) => (
            <Table.Tr key={epoch.epoch}>
              <Table.Td>
                {epoch.epoch} / {epoch.epochs}
              </Table.Td>
              {names.map((name) => (
                <Table.Td key={name}>{figure(epoch[name])}</Table.Td>
              ))}
              <Table.Td>{epoch.seconds.toFixed(1)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Settings({ config }: { config: Record<string, unknown> }): ReactNode {
  const { t } = useTranslation();
  return (
    <details>
      <summary>{t("training.settings")}</summary>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing={2} mt="xs">
        {Object.entries(config).map(([name, value]) => (
          <Text key={name} size="sm">
            {t(`setting.${name}.label`, { defaultValue: name })}: <Code>{String(value)}</Code>
          </Text>
        ))}
      </SimpleGrid>
    </details>
  );
}
