/** The latest imports of data sets: how far they are, and their reports after the window was closed. */

import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { isOver } from "../../store/jobs";
import { useJobs, type Job } from "../../store/queries";
import { moment } from "../../ui/format";
import { JobBadge } from "../../ui/JobBadge";
import { Report } from "./ImportProgress";

const SHOWN = 5;

export function ImportJobs({ team }: { team: string }): ReactNode {
  const { t, i18n } = useTranslation();
  const jobs = useJobs(team);
  const [shown, setShown] = useState<Job | null>(null);
  const imports = (jobs.data ?? []).filter(({ kind }) => kind === "dataset").slice(0, SHOWN);
  if (!imports.length) return null;
  const close = (): void => {
    setShown(null);
  };
  return (
    <details open={imports.some((job) => !isOver(job))}>
      <summary>{t("dataset.latest")}</summary>
      <Stack gap={4} mt="xs">
        {imports.map((job) => (
          <Group key={job.id} justify="space-between" gap="xs">
            <Text size="sm">
              {String(job.params.cohort)}{" "}
              <Text span size="xs" c="dimmed">
                {job.created_by ?? "–"} · {moment(job.created_at, i18n.language)}
              </Text>
              {job.error_detail && (
                <Text size="sm" c="red">
                  {job.error_detail}
                </Text>
              )}
            </Text>
            <Group gap="xs">
              {job.state === "succeeded" && (
                <Button
                  size="compact-sm"
                  variant="subtle"
                  onClick={() => {
                    setShown(job);
                  }}
                >
                  {t("dataset.report")}
                </Button>
              )}
              <JobBadge job={job} />
            </Group>
          </Group>
        ))}
      </Stack>
      <Modal opened={shown !== null} onClose={close} title={t("dataset.report")} size="lg">
        {shown && <Report team={team} job={shown} onClose={close} />}
      </Modal>
    </details>
  );
}
