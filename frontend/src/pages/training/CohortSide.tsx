/** What is known of the cohort that would be learnt from, and what speaks against it: shown before anything is started. */

import { Loader, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { SPLITS, useCheck } from "../../store/cohorts";
import type { CohortVersion } from "../../store/queries";
import { Balance } from "../../ui/Balance";
import { Findings } from "../../ui/Findings";
import { Failed } from "../../ui/States";
import { FingerprintLine } from "../cohorts/FingerprintLine";

export function CohortSide({ team, version }: { team: string; version: CohortVersion }): ReactNode {
  const { t } = useTranslation();
  const check = useCheck(team, version);
  const has = (split: string): boolean => (version.patients[split] ?? 0) > 0;
  const findings = check.data?.findings ?? version.check.findings ?? [];
  const own = [
    ...(has("train") ? [] : [{ code: "no_train", severity: "error" as const, detail: t("form.noTrain") }]),
    ...(has("train") && !has("validation") ? [{ code: "no_validation", severity: "note" as const, detail: t("form.noValidation") }] : []),
    ...(has("train") && !has("test") ? [{ code: "no_test", severity: "note" as const, detail: t("form.noTest") }] : []),
  ];
  // What an empty split means for a training is said in the page's own words.
  const others = findings.filter(({ code }) => code !== "empty_split");
  return (
    <Stack gap="xs">
      <FingerprintLine version={version} />
      <Balance
        classes={version.classes}
        counts={version.counts}
        patients={version.patients}
        seriesOfSplit={version.fingerprint.series_of_split ?? {}}
        splits={SPLITS}
      />
      <Text fw={600} size="sm">
        {t("form.check")}
      </Text>
      {check.isError && <Failed error={check.error} onRetry={() => void check.refetch()} />}
      {check.isPending ? (
        <Text size="sm" c="dimmed" role="status">
          <Loader size={12} mr={6} />
          {t("form.checking")}
        </Text>
      ) : (
        <Findings findings={[...own, ...others]} />
      )}
    </Stack>
  );
}
