/** Cohorts: what models learn from and are measured on. */

import { Anchor, Badge, Button, Container, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconHourglass, IconListCheck, IconUpload } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useCohorts, type Cohort } from "../store/queries";
import { includes, teamOf, useSession } from "../store/session";
import { moment } from "../ui/format";
import { Empty, Failed, Loading } from "../ui/States";
import { FingerprintLine } from "./cohorts/FingerprintLine";
import { ImportDataset } from "./cohorts/ImportDataset";
import { ImportJobs } from "./cohorts/ImportJobs";
import { ImportOutcomes } from "./cohorts/ImportOutcomes";
import { useTeam } from "./SignedIn";

export function CohortsPage(): ReactNode {
  const { t } = useTranslation();
  const team = useTeam();
  const cohorts = useCohorts(team);
  const mayFreeze = useSession((state) => includes(teamOf(state.me, team)?.role, "researcher"));
  const [importing, setImporting] = useState<"dataset" | "outcomes" | null>(null);
  const close = (): void => {
    setImporting(null);
  };
  useEffect(() => {
    document.title = `${t("place.cohorts")} · medportal`;
  }, [t]);
  if (cohorts.isPending) return <Loading />;
  if (cohorts.isError) return <Failed error={cohorts.error} onRetry={() => void cohorts.refetch()} />;
  return (
    <Container size="lg" px={0}>
      <Group justify="space-between" mb="xs">
        <Title order={2}>{t("place.cohorts")}</Title>
        {mayFreeze && (
          <Group gap="xs">
            <Button
              variant="default"
              leftSection={<IconListCheck size={16} />}
              renderRoot={(props) => <Link {...props} to="/" />}
            >
              {t("cohorts.fromWorklist")}
            </Button>
            <Button
              variant="default"
              leftSection={<IconHourglass size={16} />}
              onClick={() => {
                setImporting("outcomes");
              }}
            >
              {t("outcomes.import")}
            </Button>
            <Button
              leftSection={<IconUpload size={16} />}
              onClick={() => {
                setImporting("dataset");
              }}
            >
              {t("cohorts.import")}
            </Button>
          </Group>
        )}
      </Group>
      <Text c="dimmed" size="sm" mb="md">
        {t("cohorts.hint")}
      </Text>
      {!cohorts.data.length && <Empty title={t("cohorts.empty")}>{t(mayFreeze ? "cohorts.emptyHint" : "cohorts.emptyViewer")}</Empty>}
      <Stack gap="xs" mb="lg">
        {cohorts.data.map((cohort) => (
          <Card key={cohort.name} team={team} cohort={cohort} />
        ))}
      </Stack>
      {mayFreeze && <ImportJobs team={team} />}
      <ImportDataset team={team} isOpen={importing === "dataset"} onClose={close} />
      <ImportOutcomes team={team} isOpen={importing === "outcomes"} onClose={close} />
    </Container>
  );
}

function Card({ team, cohort }: { team: string; cohort: Cohort }): ReactNode {
  const { t, i18n } = useTranslation();
  const [newest] = cohort.versions;
  if (!newest) return null;
  const findings = (newest.check.findings ?? []).filter(({ severity }) => severity !== "note");
  return (
    <Paper withBorder p="sm" component="article" aria-label={cohort.name}>
      <Group gap="xs">
        <Anchor fw={600} renderRoot={(props) => <Link {...props} to="/teams/$team/cohorts/$name" params={{ team, name: cohort.name }} />}>
          {cohort.title || cohort.name}
        </Anchor>
        <Text c="dimmed" size="sm">
          {cohort.title && cohort.title !== cohort.name ? `${cohort.name} ` : ""}v{newest.number}
        </Text>
        <Badge variant="light" tt="none">
          {t(`cohortKind.${newest.kind ?? "classes"}`)}
        </Badge>
        {newest.is_trainable === false && (
          <Badge color="orange" variant="light" tt="none">
            {t("cohorts.notTrainable")}
          </Badge>
        )}
        {findings.length > 0 && (
          <Badge color="orange" variant="light" tt="none">
            {t("cohorts.findings", { count: findings.length })}
          </Badge>
        )}
      </Group>
      <FingerprintLine version={newest} />
      <Text size="sm">{newest.classes.join(", ")}</Text>
      <Text size="xs" c="dimmed">
        {newest.created_by ?? "–"} · {moment(newest.created_at, i18n.language)}
        {cohort.versions.length > 1 && ` · ${t("cohorts.versionCount", { count: cohort.versions.length })}`}
      </Text>
    </Paper>
  );
}
