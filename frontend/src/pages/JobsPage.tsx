/** The team's jobs: what waits, what runs, what came of it. */

import { Anchor, Button, Container, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, dataOf } from "../api/client";
import { keys, useJobs, withJob, type Job } from "../store/queries";
import { mayCancel, useSession } from "../store/session";
import { moment } from "../ui/format";
import { JobBadge } from "../ui/JobBadge";
import { Empty, Failed, Loading } from "../ui/States";
import { useTeam } from "./SignedIn";

export const useCancelJob = (team: string): ((id: string) => void) => {
  const client = useQueryClient();
  const { mutate } = useMutation({
    mutationFn: (id: string) =>
      dataOf(api.POST("/api/v1/teams/{team}/jobs/{job_id}/cancel/", { params: { path: { team, job_id: id } } })),
    onSuccess: (job) => client.setQueryData<Job[]>(keys.jobs(team), (jobs) => withJob(jobs, job)),
    onError: () => void client.invalidateQueries({ queryKey: keys.jobs(team) }),
  });
  return mutate;
};

/** Where a job's result is looked at. */
function addressOf(team: string, job: Job): string | undefined {
  if (job.kind === "training") return `/teams/${team}/training/${job.id}`;
  if (job.kind === "dataset" && job.state === "succeeded") return `/teams/${team}/cohorts/${String(job.params.cohort)}`;
  if (job.kind === "evaluation") return `/teams/${team}/evaluations/${job.id}`;
  const study = /^study:[^/]+\/(.+)$/.exec(job.subject)?.[1];
  return study && `/teams/${team}/studies/${study}`;
}

export function JobsPage(): ReactNode {
  const { t, i18n } = useTranslation();
  const team = useTeam();
  const jobs = useJobs(team);
  const cancel = useCancelJob(team);
  const me = useSession((state) => state.me);
  if (jobs.isPending) return <Loading />;
  if (jobs.isError) return <Failed error={jobs.error} onRetry={() => void jobs.refetch()} />;
  return (
    <Container size="lg" px={0}>
      <Title order={2} mb="md">
        {t("place.jobs")}
      </Title>
      {!jobs.data.length && <Empty title={t("jobs.empty")}>{t("jobs.emptyHint")}</Empty>}
      <Stack gap="xs">
        {jobs.data.map((job) => {
          const address = addressOf(team, job);
          const isOpen = job.state === "queued" || job.state === "running";
          return (
            <Paper key={job.id} withBorder p="sm">
              <Group justify="space-between" gap="xs">
                <Stack gap={2}>
                  {address ? (
                    <Anchor href={address} fw={600}>
                      {job.title || t(`kind.${job.kind}`, { defaultValue: job.kind })}
                    </Anchor>
                  ) : (
                    <Text fw={600}>{job.title || job.kind}</Text>
                  )}
                  <Text size="xs" c="dimmed">
                    {t(`kind.${job.kind}`, { defaultValue: job.kind })} · {job.created_by ?? "–"} · {moment(job.created_at, i18n.language)}
                  </Text>
                  {job.error_detail && (
                    <Text size="sm" c="red">
                      {job.error_detail}
                    </Text>
                  )}
                </Stack>
                <Group gap="xs">
                  <JobBadge job={job} />
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
                </Group>
              </Group>
            </Paper>
          );
        })}
      </Stack>
    </Container>
  );
}
