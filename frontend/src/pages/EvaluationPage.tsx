/** How good a model's version is on a split: figures with intervals, curves, classes, subgroups, and the worst cases. */

import { Alert, Anchor, Badge, Button, Code, Container, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useEvaluation, useEvaluationDocument, useEvaluationEvents, type Evaluation, type EvaluationDocument } from "../store/evaluations";
import { mayCancel, useSession } from "../store/session";
import { Confusion } from "../ui/Confusion";
import { Figures } from "../ui/Figures";
import { moment } from "../ui/format";
import { JobBadge } from "../ui/JobBadge";
import { metricText } from "../ui/metric";
import { Failed, Loading } from "../ui/States";
import { Cases } from "./evaluations/Cases";
import { EvaluationCurves } from "./evaluations/EvaluationCurves";
import { GreySamples } from "./evaluations/GreySamples";
import { PerClass, Subgroups } from "./evaluations/Tables";
import { Worth } from "./evaluations/Worth";
import { useCancelJob } from "./JobsPage";
import { SeriesLink } from "./SeriesLink";

// Tasks that have a truth to be shuffled.
const HAVE_CONTROLS = ["classification", "segmentation", "detection"];

export function EvaluationPage(): ReactNode {
  const { team, id } = useParams({ from: "/signed-in/teams/$team/evaluations/$id" });
  const evaluation = useEvaluation(team, id);
  useEvaluationEvents(team, evaluation.data);
  const name = evaluation.data ? `${evaluation.data.model} v${String(evaluation.data.version)}` : "";
  useEffect(() => {
    document.title = `${name} · medportal`;
  }, [name]);
  if (evaluation.isPending) return <Loading />;
  if (evaluation.isError) return <Failed error={evaluation.error} onRetry={() => void evaluation.refetch()} />;
  return (
    <Container size="lg" px={0}>
      <Stack>
        <Header team={team} evaluation={evaluation.data} />
        <Body team={team} evaluation={evaluation.data} />
      </Stack>
    </Container>
  );
}

function Header({ team, evaluation }: { team: string; evaluation: Evaluation }): ReactNode {
  const { t, i18n } = useTranslation();
  const cancel = useCancelJob(team);
  const me = useSession((state) => state.me);
  const { job } = evaluation;
  const base = `/api/v1/teams/${team}/evaluations/${evaluation.id}`;
  const isOpen = job?.state === "queued" || job?.state === "running";
  return (
    <Group justify="space-between" align="flex-start">
      <div>
        <Title order={2}>
          {evaluation.model} v{evaluation.version}
        </Title>
        <Text size="sm" c="dimmed">
          {t("evaluation.on")}{" "}
          <Anchor inherit renderRoot={(props) => <Link {...props} to="/teams/$team/cohorts/$name" params={{ team, name: evaluation.cohort }} />}>
            {evaluation.cohort} v{evaluation.cohort_version}
          </Anchor>
          , {t(`cohorts.splits.${evaluation.split}`)} · {evaluation.created_by ?? "–"} · {moment(evaluation.created_at, i18n.language)} ·{" "}
          <Anchor inherit renderRoot={(props) => <Link {...props} to="/teams/$team/models" params={{ team }} />}>
            {t("place.models")}
          </Anchor>
        </Text>
        <Text size="xs" c="dimmed">
          SHA-256 <Code title={evaluation.sha256}>{evaluation.sha256.slice(0, 16)}</Code>
        </Text>
      </div>
      <Group gap="xs">
        {job && !evaluation.is_finished && <JobBadge job={job} />}
        {isOpen && mayCancel(me, team, job) && (
          <Button
            size="compact-sm"
            variant="default"
            disabled={job.cancel_requested}
            onClick={() => {
              cancel(job.id);
            }}
          >
            {t("cancel")}
          </Button>
        )}
        {evaluation.is_finished && (
          <Button.Group>
            <Button component="a" variant="default" href={`${base}/report.pdf`} download leftSection={<IconDownload size={16} />}>
              PDF
            </Button>
            <Button component="a" variant="default" href={`${base}/report.html`} target="_blank" rel="noreferrer">
              HTML
            </Button>
            <Button component="a" variant="default" href={`${base}/document/`} download={`${evaluation.model}-${String(evaluation.version)}.json`}>
              JSON
            </Button>
          </Button.Group>
        )}
      </Group>
    </Group>
  );
}

function Body({ team, evaluation }: { team: string; evaluation: Evaluation }): ReactNode {
  const { t } = useTranslation();
  const document = useEvaluationDocument(team, evaluation.id, evaluation.is_finished);
  const { job } = evaluation;
  if (!evaluation.is_finished) {
    if (job?.error_detail) {
      return (
        <Alert color={job.state === "cancelled" ? "orange" : "red"} title={t(`job.${job.state}`)}>
          {job.error_detail}
        </Alert>
      );
    }
    return (
      <Paper withBorder p="xl">
        <Text c="dimmed" ta="center" role="status">
          {t(job?.state === "queued" ? "training.waits" : "evaluation.running")}
        </Text>
      </Paper>
    );
  }
  if (document.isError) return <Failed error={document.error} onRetry={() => void document.refetch()} />;
  if (!document.data) return <Loading />;
  return <Found team={team} document={document.data} />;
}

function Found({ team, document }: { team: string; document: EvaluationDocument }): ReactNode {
  const { t } = useTranslation();
  const controls = Object.entries(document.controls).map(([name, metrics]) => ({
    name: t(`training.controls.${name}`, { defaultValue: name }),
    metrics,
  }));
  return (
    <>
      <Group gap="xs">
        <Badge variant="light" tt="none">
          {t(`task.${document.task}`, { defaultValue: document.task })}
        </Badge>
        <Text size="sm">
          {t("cohorts.seriesCount", { count: document.n })} · {t("cohorts.groupCount", { count: document.groups })}
          {document.horizon_days && ` · ${t("cohorts.horizon", { days: document.horizon_days })}`}
          {typeof document.threshold === "number" && ` · ${t("evaluation.threshold")} ${metricText(document.threshold)}`}
          {document.provider && ` · ${document.provider}`}
          {/* What was measured at a training's end does not say how long it took. */}
          {Number.isFinite(document.seconds) && ` · ${t("evaluation.seconds", { seconds: document.seconds.toFixed(1) })}`}
        </Text>
      </Group>
      {document.seen_in_training && document.seen_in_training.groups > 0 && (
        <Alert color="orange" title={t("evaluation.seen")}>
          {t("evaluation.seenDetail", { ...document.seen_in_training })}
        </Alert>
      )}
      <div>
        <Figures metrics={document.metrics} beside={controls} units={document.units ?? {}} />
        <Text size="xs" c="dimmed" mt={4}>
          {t("evaluation.intervals")} {!controls.length && HAVE_CONTROLS.includes(document.task) && t("training.besideHint")}
        </Text>
      </div>
      <EvaluationCurves document={document} />
      {document.confusion && (
        <Paper withBorder p="sm">
          <Text fw={600} mb="xs">
            {t("confusion.title")}
          </Text>
          <Confusion title={t("confusion.title")} classes={document.confusion.classes} counts={document.confusion.counts} />
        </Paper>
      )}
      <PerClass document={document} />
      {document.slices && (
        <div>
          <Title order={4} mb="xs">
            {t("evaluation.slices", { count: document.slices.n })}
          </Title>
          <Figures metrics={document.slices.metrics} />
        </div>
      )}
      {document.worth && <Worth worth={document.worth} />}
      {document.samples && document.samples.length > 0 && <GreySamples samples={document.samples} />}
      {document.task !== "generation" && <Subgroups document={document} />}
      {document.task !== "generation" && <Cases team={team} document={document} />}
      <NotRun team={team} document={document} />
    </>
  );
}

function NotRun({ team, document }: { team: string; document: EvaluationDocument }): ReactNode {
  const { t } = useTranslation();
  if (!document.failed.length) return null;
  return (
    <Alert color="orange" title={t("evaluation.failed", { count: document.failed.length })}>
      <Stack gap={2} mah={240} style={{ overflow: "auto" }}>
        {document.failed.map(({ series_uid: series, detail }) => (
          <Text key={series} size="sm">
            <SeriesLink team={team} series={series} size="sm">
              …{series.slice(-12)}
            </SeriesLink>
            : {detail}
          </Text>
        ))}
      </Stack>
    </Alert>
  );
}
