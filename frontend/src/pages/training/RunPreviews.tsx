/** What the network made of a few samples, epoch by epoch: the newest stays in view until an older one is chosen. */

import { Group, Paper, Slider, Text } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { PreviewBatch } from "../../store/training";
import { Previews } from "../../ui/Previews";

export function RunPreviews({ batches }: { batches: readonly PreviewBatch[] }): ReactNode {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<number | null>(null);
  const newest = batches.length - 1;
  const at = chosen === null ? newest : Math.min(chosen, newest);
  const batch = batches[at];
  if (!batch?.previews.length) return null;
  return (
    <Paper withBorder p="sm" component="section" aria-label={t("training.previews")}>
      <Group justify="space-between" mb="xs">
        <Text fw={600}>{t("training.previews")}</Text>
        <Group gap="sm">
          <Text size="sm" c="dimmed">
            {t("training.previewEpoch", { epoch: batch.epoch })}
          </Text>
          {batches.length > 1 && (
            <Slider
              w={160}
              size="sm"
              min={0}
              max={newest}
              value={at}
              label={null}
              thumbLabel={t("training.previewsAt")}
              onChange={(value) => {
                setChosen(value === newest ? null : value);
              }}
            />
          )}
        </Group>
      </Group>
      <Previews previews={batch.previews} />
    </Paper>
  );
}
