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
import type { Settings } from "./fields";

interface Props {
  team: string;
  version: CohortVersion;
  recipe: Recipe;
  settings: Settings;
}

export function SamplePreview({ team, version, recipe, settings }: Props): ReactNode {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<{ id: string; of: string } | null>(null);
  const { job, previews } = usePreviewJob(team, asked?.id ?? null);
  const wanted = JSON.stringify([recipe.name, settings]);
  const ask = useMutation({
    mutationFn: (id: string) =>
      dataOf(
        api.POST("/api/v1/teams/{team}/previews/", {
          params: { path: { team } },
          body: { id, cohort: version.cohort, cohort_version: version.number, recipe: recipe.name, settings: { ...settings } },
        }),
      ),
    onSuccess: (started) => {
      setAsked({ id: started.id, of: wanted });
    },
  });
  const isWaiting = ask.isPending || (asked !== null && !job.isError && !(job.data && isOver(job.data)));
  const failure = ask.error ?? job.error ?? (job.data?.state === "failed" ? new Error(job.data.error_detail) : null);
  const isEmpty = job.data?.state === "succeeded" && !job.data.result?.count && !previews?.length;
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
          onClick={() => {
            ask.mutate(crypto.randomUUID());
          }}
        >
          {t(previews ? "form.showAgain" : "form.showPreviews")}
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
      {previews && (
        <>
          {asked?.of !== wanted && (
            <Text size="sm" c="orange" mb={4}>
              {t("form.stale")}
            </Text>
          )}
          <Previews previews={previews} />
        </>
      )}
    </Paper>
  );
}
