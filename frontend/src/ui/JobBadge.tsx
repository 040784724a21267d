/** A job's state, place in the queue and progress, in little room. */

import { Badge, Group, Progress, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Job } from "../store/queries";

const COLOURS: Record<Job["state"], string> = {
  queued: "gray",
  running: "blue",
  succeeded: "teal",
  failed: "red",
  cancelled: "orange",
};

export function JobBadge({ job }: { job: Job }): ReactNode {
  const { t } = useTranslation();
  const stage = job.stage && t(`stage.${job.stage}`, { defaultValue: job.stage });
  return (
    <Group gap="xs" wrap="nowrap">
      <Badge color={COLOURS[job.state]} variant="light">
        {t(`job.${job.state}`)}
      </Badge>
      {job.state === "queued" && job.queue_place > 0 && (
        <Text size="xs" c="dimmed">
          {t("job.place", { count: job.queue_place })}
        </Text>
      )}
      {job.state === "running" && (
        <>
          <Progress value={job.progress * 100} w={90} aria-label={t("job.progress")} />
          <Text size="xs" c="dimmed">
            {stage}
          </Text>
        </>
      )}
    </Group>
  );
}
