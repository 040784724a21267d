/** Training: the runs of the team, and the form that starts one. */

import { Anchor, Button, Container, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useCohorts, useTrainings, type Training } from "../store/queries";
import { includes, teamOf, useSession } from "../store/session";
import { metricOf } from "../ui/Figures";
import { figure, moment } from "../ui/format";
import { JobBadge } from "../ui/JobBadge";
import { Empty, Failed, Loading } from "../ui/States";
import { useTeam } from "./SignedIn";
import { CohortList } from "./training/CohortList";
import { NewTraining } from "./training/NewTraining";

export function TrainingPage(): ReactNode {
  const { t } = useTranslation();
  const team = useTeam();
  const trainings = useTrainings(team);
  const cohorts = useCohorts(team);
  const [isAsking, setAsking] = useState(false);
  const mayTrain = useSession((state) => includes(teamOf(state.me, team)?.role, "researcher"));
  useEffect(() => {
    document.title = `${t("place.training")} · medportal`;
  }, [t]);
  const broken = [trainings, cohorts].find((query) => query.isError);
  if (broken) return <Failed error={broken.error} onRetry={() => void broken.refetch()} />;
  if (!trainings.data || !cohorts.data) return <Loading />;
  return (
    <Container size="lg" px={0}>
      <Group justify="space-between" mb="md">
        <Title order={2}>{t("place.training")}</Title>
        {mayTrain && (
          <Button
            leftSection={<IconPlus size={16} />}
            disabled={!cohorts.data.length}
            onClick={() => {
              setAsking(true);
            }}
          >
            {t("training.new")}
          </Button>
        )}
      </Group>
      {!trainings.data.length && (
        <Empty title={t("training.empty")}>{t(cohorts.data.length ? "training.emptyHint" : "training.noCohort")}</Empty>
      )}
      <Stack gap="xs">
        {trainings.data.map((training) => (
          <Run key={training.job.id} team={team} training={training} />
        ))}
      </Stack>
      <CohortList cohorts={cohorts.data} />
      <NewTraining
        team={team}
        cohorts={cohorts.data}
        isOpen={isAsking}
        onClose={() => {
          setAsking(false);
        }}
      />
    </Container>
  );
}

function Run({ team, training }: { team: string; training: Training }): ReactNode {
  const { t, i18n } = useTranslation();
  const { job, metrics, model, version, cohort, cohort_version: number } = training;
  const last = training.history.at(-1);
  const isOver = metricOf(metrics, "accuracy") !== null;
  return (
    <Paper withBorder p="sm">
      <Group justify="space-between" gap="xs">
        <Stack gap={2}>
          <Anchor
            fw={600}
            renderRoot={(props) => <Link {...props} to="/teams/$team/training/$job" params={{ team, job: job.id }} />}
          >
            {model}
            {version ? ` v${String(version)}` : ""}
          </Anchor>
          <Text size="xs" c="dimmed">
            {cohort} v{number} · {training.recipe} · {job.created_by ?? "–"} · {moment(job.created_at, i18n.language)}
          </Text>
          {job.error_detail && (
            <Text size="sm" c="red">
              {job.error_detail}
            </Text>
          )}
        </Stack>
        <Group gap="md">
          {isOver ? (
            <Text size="sm">
              {t("metric.accuracy")} {figure(metricOf(metrics, "accuracy"))} · {t("metric.f1")} {figure(metricOf(metrics, "f1"))}
            </Text>
          ) : (
            last && (
              <Text size="sm" c="dimmed">
                {t("training.epochOf", { epoch: last.epoch, epochs: last.epochs })}
              </Text>
            )
          )}
          <JobBadge job={job} />
        </Group>
      </Group>
    </Paper>
  );
}
