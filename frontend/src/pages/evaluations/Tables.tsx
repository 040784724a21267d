/** The figures of an evaluation class by class, and by subgroup. */

import { Stack, Table, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { EvaluationDocument } from "../../store/evaluations";
import { figuresIn, intervalText, type Figure } from "../../ui/Figures";
import { metricName, metricText } from "../../ui/metric";

const SUBGROUP_FIGURES = 5;

export function Cell({ figure }: { figure: Figure | undefined }): ReactNode {
  return (
    <Table.Td>
      {metricText(figure?.value)}
      {typeof figure?.low === "number" && (
        <Text size="xs" c="dimmed">
          {intervalText(figure)}
        </Text>
      )}
    </Table.Td>
  );
}

export function PerClass({ document }: { document: EvaluationDocument }): ReactNode {
  const { t } = useTranslation();
  const rows = Object.entries(document.per_class);
  const names = [...new Set(rows.flatMap(([, metrics]) => figuresIn(metrics)))];
  if (!rows.length || !names.length) return null;
  return (
    <div>
      <Title order={4} mb="xs">
        {t("evaluation.perClass")}
      </Title>
      <Table.ScrollContainer minWidth={140 + 110 * names.length}>
        <Table className="figures" withTableBorder verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("evaluation.class")}</Table.Th>
              {names.map((name) => (
                <Table.Th key={name}>{metricName(t, name)}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(([label, metrics]) => (
              <Table.Tr key={label}>
                <Table.Td>{label}</Table.Td>
                {names.map((name) => (
                  <Cell key={name} figure={metrics[name]} />
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  );
}

export function Subgroups({ document }: { document: EvaluationDocument }): ReactNode {
  const { t } = useTranslation();
  const attributes = Object.entries(document.subgroups);
  const names = figuresIn(document.metrics).slice(0, SUBGROUP_FIGURES);
  return (
    <div>
      <Title order={4} mb="xs">
        {t("evaluation.subgroups")}
      </Title>
      {!attributes.length && (
        <Text size="sm" c="dimmed">
          {t("evaluation.noSubgroups")}
        </Text>
      )}
      <Stack>
        {attributes.map(([attribute, rows]) => (
          <Table.ScrollContainer key={attribute} minWidth={220 + 110 * names.length}>
            <Table className="figures" withTableBorder verticalSpacing={4}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t(`evaluation.attribute.${attribute}`, { defaultValue: attribute })}</Table.Th>
                  <Table.Th>{t("evaluation.series")}</Table.Th>
                  <Table.Th>{t("evaluation.groups")}</Table.Th>
                  {names.map((name) => (
                    <Table.Th key={name}>{metricName(t, name)}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map(({ value, n, groups, metrics }) => (
                  <Table.Tr key={value}>
                    <Table.Td>{value || t("cohorts.unknown")}</Table.Td>
                    <Table.Td>{n}</Table.Td>
                    <Table.Td>{groups}</Table.Td>
                    {names.map((name) => (
                      <Cell key={name} figure={metrics[name]} />
                    ))}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        ))}
      </Stack>
    </div>
  );
}
