/** One training run: its curves as they grow, what it makes of samples, what it was told, and what came of it. */

import { Alert, Anchor, Badge, Button, Code, Container, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconCopy } from "@tabler/icons-react";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useCohorts, useControls, useRecipes, useTraining, type Recipe, type Training } from "../store/queries";
import { includes, mayCancel, teamOf, useSession } from "../store/session";
import { useTrainingEvents, type Told } from "../store/training";
import { Confirm } from "../ui/Confirm";
import { Confusion } from "../ui/Confusion";
import { Figures } from "../ui/Figures";
import { JobBadge } from "../ui/JobBadge";
import { metricName, metricText } from "../ui/metric";
import { Failed, Loading } from "../ui/States";
import { useCancelJob } from "./JobsPage";
import { Epochs } from "./training/Epochs";
import { keptOf, lastConfusion, stopOf } from "./training/history";
import { RunCharts } from "./training/RunCharts";
import { RunPreviews } from "./training/RunPreviews";
import { controlOf, titleOf, versionOf } from "./training/runs";
import { RunSettings } from "./training/RunSettings";
import { RunUsage } from "./training/RunUsage";

// Recipes that have a truth to be shuffled.
const HAVE_CONTROLS = ["classification", "segmentation", "detection"];

export function TrainingRunPage(): ReactNode {
  const { team, job: id } = useParams({ from: "/signed-in/teams/$team/training/$job" });
  const training = useTraining(team, id);
  const told = useTrainingEvents(team, id, training.isSuccess);
  if (training.isPending) return <Loading />;
  if (training.isError) return <Failed error={training.error} onRetry={() => void training.refetch()} />;
  return <Run team={team} training={training.data} told={told} />;
}

function Run({ team, training, told }: { team: string; training: Training; told: Told }): ReactNode {
  const { t } = useTranslation();
  const { job, history } = training;
  const recipes = useRecipes(team);
  const cohorts = useCohorts(team);
  const title = titleOf(training);
  useEffect(() => {
    document.title = `${title} · medportal`;
  }, [title]);
  const recipe = recipes.data?.find(({ name }) => name === training.recipe);
  const headline = recipe?.headline ?? "";
  const version = versionOf(cohorts.data, training.cohort, training.cohort_version);
  const confused = lastConfusion(history);
  return (
    <Container size="lg" px={0}>
      <Stack>
        <Header team={team} training={training} stage={told.stage?.detail ?? ""} headline={headline} />
        <Outcome team={team} training={training} recipe={recipe} />
        <RunUsage training={training} now={told.usage} />
        {history.length ? <RunCharts history={history} headline={headline} /> : <NoEpoch training={training} />}
        <RunPreviews batches={told.batches} />
        {confused?.confusion && (
          <Paper withBorder p="sm">
            <Text fw={600} mb="xs">
              {t("training.confusion", { epoch: confused.epoch })}
            </Text>
            <Confusion
              title={t("training.confusion", { epoch: confused.epoch })}
              classes={version?.classes ?? []}
              counts={confused.confusion}
            />
          </Paper>
        )}
        <Result team={team} training={training} hasTest={(version?.patients.test ?? 1) > 0} />
        {history.length > 0 && (
          <details>
            <summary>{t("training.allEpochs")}</summary>
            <Epochs history={history} />
          </details>
        )}
        <RunSettings team={team} training={training} />
        {told.lines.length > 0 && (
          <details open={job.state === "running" || job.state === "failed"}>
            <summary>{t("training.log")}</summary>
            <Code block mah={260} style={{ overflow: "auto" }} data-testid="log">
              {told.lines.join("\n")}
            </Code>
          </details>
        )}
      </Stack>
    </Container>
  );
}

interface HeaderProps {
  team: string;
  training: Training;
  stage: string;
  headline: string;
}

function Header({ team, training, stage, headline }: HeaderProps): ReactNode {
  const { t } = useTranslation();
  const mayTrain = useSession((state) => includes(teamOf(state.me, team)?.role, "researcher"));
  const { job } = training;
  const value = training.history.at(-1)?.figures[headline];
  const control = controlOf(training);
  return (
    <Group justify="space-between" align="flex-start">
      <div>
        <Group gap="xs">
          <Title order={2}>{titleOf(training)}</Title>
          {control !== "none" && (
            <Badge color="grape" tt="none">
              {t(`training.controls.${control}`, { defaultValue: t("training.control") })}
            </Badge>
          )}
        </Group>
        <Text size="sm" c="dimmed">
          <Anchor inherit renderRoot={(props) => <Link {...props} to="/teams/$team/cohorts/$name" params={{ team, name: training.cohort }} />}>
            {training.cohort} v{training.cohort_version}
          </Anchor>{" "}
          · {t(`recipe.${training.recipe}`, { defaultValue: training.recipe })} · {job.created_by ?? "–"}
          {job.attempt > 1 && ` · ${t("training.attempt", { count: job.attempt })}`}
        </Text>
        {job.state === "running" && stage && (
          <Text size="sm" c="dimmed" aria-live="polite">
            {stage}
          </Text>
        )}
      </div>
      <Group>
        {typeof value === "number" && job.state === "running" && (
          <Text size="sm">
            {metricName(t, headline)} <b>{metricText(value)}</b>
          </Text>
        )}
        <JobBadge job={job} />
        <Cancel team={team} training={training} />
        {mayTrain && (
          <Button
            variant="default"
            leftSection={<IconCopy size={16} />}
            renderRoot={(props) => <Link {...props} to="/teams/$team/training/new" params={{ team }} search={{ from: job.id }} />}
          >
            {t("training.again")}
          </Button>
        )}
      </Group>
    </Group>
  );
}

function Outcome({ team, training, recipe }: { team: string; training: Training; recipe: Recipe | undefined }): ReactNode {
  const { t } = useTranslation();
  const { job } = training;
  if (job.error_detail) {
    return (
      <Alert color={job.state === "cancelled" ? "orange" : "red"} title={t(`job.${job.state}`)}>
        {job.error_detail}
      </Alert>
    );
  }
  if (job.state !== "succeeded") return null;
  return (
    <Alert color="teal">
      {controlOf(training) !== "none" ? (
        t("training.controlDone")
      ) : (
        <>
          {t("training.inZoo", { model: training.model, version: training.version })}{" "}
          <Anchor inherit renderRoot={(props) => <Link {...props} to="/teams/$team/models" params={{ team }} />}>
            {t("place.models")}
          </Anchor>
        </>
      )}
      {recipe && <Stopped training={training} recipe={recipe} />}
      <Kept training={training} />
    </Alert>
  );
}

function Stopped({ training, recipe }: { training: Training; recipe: Recipe }): ReactNode {
  const { t } = useTranslation();
  const stop = stopOf(training.history, training.config, recipe);
  if (!stop) return null;
  const values = stop.code === "reached" ? { metric: metricName(t, stop.metric), value: metricText(stop.value) } : stop;
  return (
    <Text size="sm" c="dimmed">
      {t("training.stoppedAt", { epoch: training.history.at(-1)?.epoch })} {t(`training.stopped.${stop.code}`, { ...values })}
    </Text>
  );
}

function Kept({ training }: { training: Training }): ReactNode {
  const { t } = useTranslation();
  const epoch = keptOf(training.history);
  return (
    epoch !== null && (
      <Text size="sm" c="dimmed">
        {t("training.kept", { epoch })}
      </Text>
    )
  );
}

function NoEpoch({ training }: { training: Training }): ReactNode {
  const { t } = useTranslation();
  const { state, queue_place: place } = training.job;
  if (state !== "queued" && state !== "running") return null;
  const waits = place ? t("training.waitsBehind", { count: place }) : t("training.waits");
  return (
    <Paper withBorder p="xl">
      <Text c="dimmed" ta="center">
        {state === "queued" ? waits : t("training.noEpoch")}
      </Text>
    </Paper>
  );
}

/** The final figures, with what the controls reached beside them. */
function Result({ team, training, hasTest }: { team: string; training: Training; hasTest: boolean }): ReactNode {
  const { t } = useTranslation();
  const isMeasured = Object.keys(training.metrics).length > 0;
  const [of] = useControls(team, isMeasured ? [training.job.id] : []);
  if (!isMeasured) return null;
  const controls = (of?.data?.results ?? []).filter(({ metrics }) => Object.keys(metrics).length);
  // The newest of each kind is enough.
  const beside = [...new Map(controls.toReversed().map((one) => [controlOf(one), one])).values()];
  const isControl = controlOf(training) !== "none";
  return (
    <div>
      <Title order={4} mb="xs">
        {t(hasTest ? "training.onSplit" : "training.validationTest")}
      </Title>
      <Figures
        metrics={training.metrics}
        beside={beside.map((one) => ({ name: t(`training.controls.${controlOf(one)}`), metrics: one.metrics }))}
      />
      {!isControl && !beside.length && HAVE_CONTROLS.includes(training.recipe) && (
        <Text size="xs" c="dimmed" mt={4}>
          {t("training.noControls")} {t("training.besideHint")}
        </Text>
      )}
    </div>
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
