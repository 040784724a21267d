/** An import on its way: the upload, the job's progress, and at its end the report with what was refused and why. */

import { Alert, Anchor, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { isOver, useJob } from "../../store/jobs";
import { keys, type Job } from "../../store/queries";
import { Findings } from "../../ui/Findings";
import { JobBadge } from "../../ui/JobBadge";
import { Failed } from "../../ui/States";
import { useCancelJob } from "../JobsPage";
import { Refused } from "./Refused";

interface Props {
  team: string;
  /** null: it is still being sent. */
  jobId: string | null;
  fraction: number;
  onAbort: () => void;
  onAgain: () => void;
  onClose: () => void;
}

export function ImportProgress({ team, jobId, fraction, onAbort, onAgain, onClose }: Props): ReactNode {
  const { t } = useTranslation();
  const client = useQueryClient();
  const cancel = useCancelJob(team);
  const job = useJob(team, jobId);
  const state = job.data?.state;
  useEffect(() => {
    if (state === "succeeded") void client.invalidateQueries({ queryKey: keys.cohorts(team) });
  }, [client, team, state]);
  if (jobId === null) {
    return (
      <Stack>
        <Text role="status">{t("dataset.sending", { percent: Math.round(fraction * 100) })}</Text>
        <Progress value={fraction * 100} aria-label={t("dataset.sendingLabel")} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onAbort}>
            {t("cancel")}
          </Button>
        </Group>
      </Stack>
    );
  }
  if (job.isError) return <Failed error={job.error} onRetry={() => void job.refetch()} />;
  if (!job.data) return <Progress value={100} animated aria-label={t("loading")} />;
  return (
    <Stack>
      <Group justify="space-between">
        <JobBadge job={job.data} />
        {!isOver(job.data) && (
          <Button
            size="compact-sm"
            variant="default"
            disabled={job.data.cancel_requested}
            onClick={() => {
              cancel(jobId);
            }}
          >
            {t("cancel")}
          </Button>
        )}
      </Group>
      {!isOver(job.data) && <Text size="sm">{t("dataset.mayClose")}</Text>}
      {job.data.state === "succeeded" && <Report team={team} job={job.data} onClose={onClose} />}
      {(job.data.state === "failed" || job.data.state === "cancelled") && (
        <>
          <Alert color={job.data.state === "failed" ? "red" : "orange"} title={t(`job.${job.data.state}`)} role="alert">
            {job.data.error_detail}
          </Alert>
          <Group justify="flex-end">
            <Button onClick={onAgain}>{t("dataset.again")}</Button>
          </Group>
        </>
      )}
    </Stack>
  );
}

interface ReportProps {
  team: string;
  job: Job;
  onClose: () => void;
}

export function Report({ team, job, onClose }: ReportProps): ReactNode {
  const { t } = useTranslation();
  const report = reportOf(job.result);
  return (
    <Stack gap="sm" data-testid="import-report">
      <Alert color="teal">
        {t(report.isNew ? "dataset.done" : "dataset.wasThere", { cohort: report.cohort, version: report.version })}{" "}
        {t("dataset.counts", { images: report.images, groups: report.groups })}{" "}
        <Anchor
          inherit
          onClick={onClose}
          renderRoot={(props) => <Link {...props} to="/teams/$team/cohorts/$name" params={{ team, name: report.cohort }} />}
        >
          {t("dataset.open")}
        </Anchor>
      </Alert>
      {report.notes.map((note) => (
        <Text key={note} size="sm">
          {note}
        </Text>
      ))}
      {report.findings.length > 0 && <Findings findings={report.findings} />}
      <Refused refused={report.refused} count={report.refusedInAll} />
    </Stack>
  );
}

interface ImportReport {
  cohort: string;
  version: number;
  isNew: boolean;
  images: number;
  groups: number;
  refused: { item: string; reason: string }[];
  refusedInAll: number;
  notes: string[];
  findings: Schemas["Finding"][];
}

/** Reads a job's open result; what is missing is nothing. */
function reportOf(result: Job["result"]): ImportReport {
  const found = result ?? {};
  const list = (name: string): unknown[] => (Array.isArray(found[name]) ? (found[name] as unknown[]) : []);
  return {
    cohort: String(found.cohort ?? ""),
    version: Number(found.version ?? 1),
    isNew: found.is_new !== false,
    images: Number(found.images ?? 0),
    groups: Number(found.groups ?? 0),
    refused: list("refused") as ImportReport["refused"],
    refusedInAll: Number(found.refused_in_all ?? list("refused").length),
    notes: list("notes").map(String),
    findings: list("findings") as ImportReport["findings"],
  };
}
