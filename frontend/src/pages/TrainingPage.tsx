/** Training: the runs of the team, some of them chosen to be compared. */

import { Anchor, Badge, Button, Checkbox, Container, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconChartDots, IconPlus, IconSearch } from "@tabler/icons-react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useCohorts, useRecipes, useTrainings, type Training, type TrainingPage as Page } from "../store/queries";
import { includes, teamOf, useSession } from "../store/session";
import { figuresIn, metricOf } from "../ui/Figures";
import { moment } from "../ui/format";
import { JobBadge } from "../ui/JobBadge";
import { metricName, metricText } from "../ui/metric";
import { Pages } from "../ui/Pages";
import { Empty, Failed, Loading } from "../ui/States";
import { useTeam } from "./SignedIn";
import { controlOf, titleOf } from "./training/runs";

const FILTER_FROM = 6;
const SEARCH_AFTER_MS = 250;

export function TrainingPage(): ReactNode {
  const { t } = useTranslation();
  const team = useTeam();
  const { search, page } = useSearch({ from: "/signed-in/teams/$team/training" });
  const trainings = useTrainings(team, { ...(search ? { search } : {}), ...(page ? { page } : {}) });
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
      {!trainings.data.count && !search && (
        <Empty title={t("training.empty")}>
          {t(cohorts.data.length ? "training.emptyHint" : "training.noCohort")}
          {!cohorts.data.length && (
            <div>
              <Anchor renderRoot={(props) => <Link {...props} to="/teams/$team/cohorts" params={{ team }} />}>{t("place.cohorts")}</Anchor>
            </div>
          )}
        </Empty>
      )}
      <Runs team={team} found={trainings.data} search={search} page={page ?? 1} />
    </Container>
  );
}

interface RunsProps {
  team: string;
  found: Page;
  search: string | undefined;
  page: number;
}

function Runs({ team, found, search, page }: RunsProps): ReactNode {
  const { t } = useTranslation();
  const recipes = useRecipes(team);
  const navigate = useNavigate({ from: "/teams/$team/training" });
  // The box follows the keys at once; the list follows the box a moment later.
  const [words, setWords] = useState(search ?? "");
  const find = useDebouncedCallback((text: string) => {
    void navigate({ search: text.trim() ? { search: text.trim() } : {}, replace: true });
  }, SEARCH_AFTER_MS);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  return (
    <Stack gap="xs">
      {(found.count > 1 || search) && (
        <Group justify="space-between" gap="xs">
          {found.count >= FILTER_FROM || search ? (
            <TextInput
              flex={1}
              miw={220}
              maw={360}
              type="search"
              aria-label={t("training.filter")}
              placeholder={t("training.filter")}
              leftSection={<IconSearch size={16} />}
              value={words}
              onChange={(event) => {
                setWords(event.currentTarget.value);
                find(event.currentTarget.value);
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
      {search && !found.count && <Empty title={t("training.noMatch")} />}
      {found.results.map((training) => (
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
      <Pages
        count={found.count}
        page={page}
        onChange={(next) => {
          void navigate({ search: { ...(search ? { search } : {}), ...(next > 1 ? { page: next } : {}) } });
        }}
      />
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
