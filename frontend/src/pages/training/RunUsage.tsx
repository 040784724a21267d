/** What a run takes of the machine, and how long it will go on. */

import { Paper, Progress, SimpleGrid, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import type { Training } from "../../store/queries";
import { duration } from "../../ui/format";

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
const gigabytes = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} GB`;

interface Props {
  training: Training;
  /** What was told within an epoch, if that is newer than the last one. */
  now: Schemas["TrainingUsage"] | null;
}

export function RunUsage({ training, now }: Props): ReactNode {
  const { t } = useTranslation();
  const last = training.history.at(-1);
  const used = now ?? last;
  if (!used) return null;
  const isRunning = training.job.state === "running";
  return (
    <SimpleGrid cols={{ base: 2, xs: 3, md: 6 }} spacing="xs" role="group" aria-label={t("training.usage")}>
      {isRunning && used.eta_s !== null && <Tile label={t("training.eta")} value={duration(used.eta_s)} />}
      {last && <Tile label={t("training.perEpoch")} value={`${last.seconds.toFixed(1)} s`} />}
      <Tile label={t("training.memory")} value={gigabytes(used.memory_gb)} />
      {used.load !== null && <Tile label={t("training.load")} value={percent(used.load)} share={used.load} />}
      {used.gpu_memory_gb !== undefined && <Tile label={t("training.gpuMemory")} value={gigabytes(used.gpu_memory_gb)} />}
      {typeof used.gpu_load === "number" && (
        <Tile label={t("training.gpuLoad")} value={percent(used.gpu_load)} share={used.gpu_load} />
      )}
    </SimpleGrid>
  );
}

function Tile({ label, value, share }: { label: string; value: string; share?: number }): ReactNode {
  return (
    <Paper withBorder px="sm" py={6}>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Text fw={600} className="number">
        {value}
      </Text>
      {share !== undefined && <Progress size={3} value={Math.min(100, share * 100)} aria-label={label} />}
    </Paper>
  );
}
