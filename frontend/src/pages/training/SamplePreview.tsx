/** Training samples as the network would see them with these settings: asked for, watched, shown. */

import { Button, Group, Loader, Paper, Text, Title } from "@mantine/core";
import { IconPhoto } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, dataOf } from "../../api/client";
import { isOver, usePreviewJob } from "../../store/jobs";
import type { CohortVersion, Recipe } from "../../store/queries";
import { Previews } from "../../ui/Previews";
import { Failed } from "../../ui/States";
import { AugmentationRows } from "./AugmentationRows";
import type { Settings } from "./fields";

interface Props {
  team: string;
  version: CohortVersion;
  recipe: Recipe;
  settings: Settings;
}

export function SamplePreview({ team, version, recipe, settings }: Props): ReactNode {
  const { t } = useTranslation();
  // The job that was asked for last, and that of all settings: with settings of before, its pictures are there again.
  const [last, setLast] = useState<string | null>(null);
  const [asked, setAsked] = useState<ReadonlyMap<string, string>>(new Map());
  const wanted = JSON.stringify([recipe.name, settings]);
  const id = asked.get(wanted) ?? last;
  const { job, told } = usePreviewJob(team, id);
  const ask = useMutation({
    mutationFn: (id: string) =>
      dataOf(
        api.POST("/api/v1/teams/{team}/previews/", {
          params: { path: { team } },
          body: { id, cohort: version.cohort, cohort_version: version.number, recipe: recipe.name, settings: { ...settings } },
        }),
      ),
    onSuccess: (started) => {
      setLast(started.id);
      setAsked((old) => new Map(old).set(wanted, started.id));
    },
  });
  const isWaiting = ask.isPending || (id !== null && !job.isError && !(job.data && isOver(job.data)));
  const failure = ask.error ?? job.error ?? (job.data?.state === "failed" ? new Error(job.data.error_detail) : null);
  const isEmpty = job.data?.state === "succeeded" && !job.data.result?.count && !told?.previews.length;
  return (
    <Paper withBorder p="md" component="section" aria-label={t("form.previews")}>
      <Group justify="space-between" mb="xs">
        <div>
          <Title order={4}>{t("form.previews")}</Title>
          <Text size="sm" c="dimmed">
            {t("form.previewsHint")}
          </Text>
        </div>
        <Button
          variant="light"
          leftSection={<IconPhoto size={16} />}
          loading={isWaiting}
          disabled={told !== null && asked.has(wanted)}
          onClick={() => {
            ask.mutate(crypto.randomUUID());
          }}
        >
          {t(told ? "form.showAgain" : "form.showPreviews")}
        </Button>
      </Group>
      {failure && !isWaiting && <Failed error={failure} />}
      {isWaiting && (
        <Text size="sm" c="dimmed" role="status">
          <Loader size={12} mr={6} />
          {t("form.previewsWait")}
        </Text>
      )}
      {isEmpty && <Text c="dimmed">{t("form.noPreviews")}</Text>}
      {told && (
        <>
          {!asked.has(wanted) && (
            <Text size="sm" c="orange" mb={4}>
              {t("form.stale")}
            </Text>
          )}
          <Previews previews={told.previews} />
          <AugmentationRows rows={told.rows ?? []} />
        </>
      )}
    </Paper>
  );
}
