/** What can be trained on: each cohort's newest version, split by patients. */

import { Badge, Code, Group, Paper, Stack, Table, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Cohort } from "../../store/queries";

const SPLITS = ["train", "validation", "test"];

export function CohortList({ cohorts }: { cohorts: readonly Cohort[] }): ReactNode {
  const { t } = useTranslation();
  if (!cohorts.length) return null;
  return (
    <Stack mt="xl">
      <Title order={3}>{t("cohorts.title")}</Title>
      {cohorts.map((cohort) => (
        <CohortCard key={cohort.name} cohort={cohort} />
      ))}
    </Stack>
  );
}

function CohortCard({ cohort }: { cohort: Cohort }): ReactNode {
  const { t } = useTranslation();
  const [newest] = cohort.versions;
  if (!newest) return null;
  return (
    <Paper withBorder p="md">
      <Group gap="xs">
        <Text fw={600}>{cohort.title || cohort.name}</Text>
        <Text c="dimmed" size="sm">
          {cohort.name} v{newest.number}
        </Text>
        {newest.is_trainable === false && (
          <Badge color="orange" tt="none">
            {t("cohorts.notTrainable")}
          </Badge>
        )}
      </Group>
      {cohort.description && (
        <Text size="sm" c="dimmed">
          {cohort.description}
        </Text>
      )}
      <Table.ScrollContainer minWidth={380} mt="xs">
        <Table className="figures" verticalSpacing={4} withTableBorder>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("cohorts.split")}</Table.Th>
              <Table.Th>{t("cohorts.patients")}</Table.Th>
              {newest.classes.map((name) => (
                <Table.Th key={name}>{name}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {SPLITS.map((split) => (
              <Table.Tr key={split}>
                <Table.Td>{t(`cohorts.splits.${split}`)}</Table.Td>
                <Table.Td>{newest.patients[split] ?? 0}</Table.Td>
                {newest.classes.map((name) => (
                  <Table.Td key={name}>{newest.counts[split]?.[name] ?? 0}</Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="xs" c="dimmed" mt={4}>
        {t("cohorts.frozen")} <Code>{newest.content_hash.slice(0, 16)}</Code>
      </Text>
    </Paper>
  );
}
