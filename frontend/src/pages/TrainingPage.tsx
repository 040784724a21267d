/** Training: the runs of the team, some of them chosen to be compared. */

import { Anchor, Badge, Button, Checkbox, Container, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconChartDots, IconPlus, IconSearch } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useCohorts, useRecipes, useTrainings, type Training } from "../store/queries";
import { includes, teamOf, useSession } from "../store/session";
import { figuresIn, metricOf } from "../ui/Figures";
import { moment } from "../ui/format";
import { JobBadge } from "../ui/JobBadge";
import { metricName, metricText } from "../ui/metric";
import { Empty, Failed, Loading } from "../ui/States";
import { useTeam } from "./SignedIn";
import { controlOf, titleOf } from "./training/runs";

const FILTER_FROM = 6;

export function TrainingPage(): ReactNode {
  const { t } = useTranslation();
  const team = useTeam();
  const trainings = useTrainings(team);
  const cohorts = useCohorts(team);
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
        {mayTrain && cohorts.data.length > 0 && (
          <Button
            leftSection={<IconPlus size={16} />}
            renderRoot={(props) => <Link {...props} to="/teams/$team/training/new" params={{ team }} />}
          >
            {t("training.new")}
          </Button>
        )}
      </Group>
      {!trainings.data.length && (
        <Empty title={t("training.empty")}>
          {t(cohorts.data.length ? "training.emptyHint" : "training.noCohort")}
          {!cohorts.data.length && (
            <div>
              <Anchor renderRoot={(props) => <Link {...props} to="/teams/$team/cohorts" params={{ team }} />}>{t("place.cohorts")}</Anchor>
            </div>
          )}
        </Empty>
      )}
      <Runs team={team} trainings={trainings.data} />
    </Container>
  );
}

function matches(training: Training, words: string): boolean {
  const text = [titleOf(training), training.cohort, training.recipe, training.job.created_by, controlOf(training)].join(" ").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function Runs({ team, trainings }: { team: string; trainings: readonly Training[] }): ReactNode {
  const { t } = useTranslation();
  const recipes = useRecipes(team);
  const [words, setWords] = useState("");
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const shown = trainings.filter((training) => matches(training, words));
  return (
    <Stack gap="xs">
      {trainings.length > 1 && (
        <Group justify="space-between" gap="xs">
          {trainings.length >= FILTER_FROM ? (
            <TextInput
              flex={1}
              maw={360}
              type="search"
              aria-label={t("training.filter")}
              placeholder={t("training.filter")}
              leftSection={<IconSearch size={16} />}
              value={words}
              onChange={(event) => {
                setWords(event.currentTarget.value);
              }}
            />
          ) : (
            <span />
          )}
          {chosen.length > 1 ? (
            <Button
              variant="light"
              leftSection={<IconChartDots size={16} />}
              renderRoot={(props) => (
                <Link {...props} to="/teams/$team/training/compare" params={{ team }} search={{ runs: chosen.join(",") }} />
              )}
            >
              {t("training.compare", { count: chosen.length })}
            </Button>
          ) : (
            <Text size="xs" c="dimmed">
              {t("training.compareHint")}
            </Text>
          )}
        </Group>
      )}
      {trainings.length > 0 && !shown.length && <Empty title={t("training.noMatch")} />}
      {shown.map((training) => (
        <Run
          key={training.job.id}
          team={team}
          training={training}
          headline={recipes.data?.find(({ name }) => name === training.recipe)?.headline ?? ""}
          isChosen={chosen.includes(training.job.id)}
          onChoose={(isChosen) => {
            setChosen((old) => [...old.filter((id) => id !== training.job.id), ...(isChosen ? [training.job.id] : [])]);
          }}
        />
      ))}
    </Stack>
  );
}

interface RunProps {
  team: string;
  training: Training;
  headline: string;
  isChosen: boolean;
  onChoose: (isChosen: boolean) => void;
}

function Run({ team, training, headline, isChosen, onChoose }: RunProps): ReactNode {
  const { t, i18n } = useTranslation();
  const { job, cohort, cohort_version: number } = training;
  const last = training.history.at(-1);
  const control = controlOf(training);
  return (
    <Paper withBorder p="sm">
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <Checkbox
          mt={3}
          checked={isChosen}
          aria-label={t("training.select", { name: titleOf(training) })}
          onChange={(event) => {
            onChoose(event.currentTarget.checked);
          }}
        />
        <Group justify="space-between" gap="xs" flex={1} miw={0}>
          <Stack gap={2}>
            <Group gap="xs">
              <Anchor
                fw={600}
                renderRoot={(props) => <Link {...props} to="/teams/$team/training/$job" params={{ team, job: job.id }} />}
              >
                {titleOf(training)}
              </Anchor>
              {control !== "none" && (
                <Badge color="grape" variant="light" tt="none" size="sm">
                  {t(`training.controls.${control}`, { defaultValue: t("training.control") })}
                </Badge>
              )}
            </Group>
            <Text size="xs" c="dimmed">
              {cohort} v{number} · {t(`task.${training.recipe}`, { defaultValue: training.recipe })} · {job.created_by ?? "–"} ·{" "}
              {moment(job.created_at, i18n.language)}
            </Text>
            {job.error_detail && (
              <Text size="sm" c="red">
                {job.error_detail}
              </Text>
            )}
          </Stack>
          <Group gap="md">
            <Reached training={training} headline={headline} />
            {job.state === "running" && last && (
              <Text size="sm" c="dimmed">
                {t("training.epochOf", { epoch: last.epoch, epochs: last.epochs })}
              </Text>
            )}
            <JobBadge job={job} />
          </Group>
        </Group>
      </Group>
    </Paper>
  );
}

/** The headline as measured at the end, or as it stands after the last epoch. */
function Reached({ training, headline }: { training: Training; headline: string }): ReactNode {
  const { t } = useTranslation();
  const { metrics, history } = training;
  const name = headline in metrics ? headline : (figuresIn(metrics)[0] ?? headline);
  const atEnd = metricOf(metrics, name);
  const value = atEnd ?? history.at(-1)?.figures[headline];
  if (typeof value !== "number") return null;
  return (
    <Text size="sm" {...(atEnd === null ? { c: "dimmed" } : {})}>
      {metricName(t, atEnd === null ? headline : name)} {metricText(value)}
    </Text>
  );
}
