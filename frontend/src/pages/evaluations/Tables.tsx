/** The figures of an evaluation class by class, and by subgroup. */

import { Stack, Table, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { EvaluationDocument } from "../../store/evaluations";
import { figuresIn, intervalText, type Figure } from "../../ui/Figures";
import { metricName, metricText } from "../../ui/metric";

const SUBGROUP_FIGURES = 5;
const NAME_WIDTH = 140;
const COUNT_WIDTH = 60;
const FIGURE_WIDTH = 110;

function Cell({ figure }: { figure: Figure | undefined }): ReactNode {
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

interface FigureTableProps {
  /** What the rows are, then what is counted of each. */
  heads: readonly string[];
  names: readonly string[];
  rows: readonly { name: string; counts?: readonly number[]; metrics: Readonly<Record<string, Figure | undefined>> }[];
}

/** The same figures of several things, a row each. */
export function FigureTable({ heads, names, rows }: FigureTableProps): ReactNode {
  const { t } = useTranslation();
  return (
    <Table.ScrollContainer minWidth={NAME_WIDTH + COUNT_WIDTH * (heads.length - 1) + FIGURE_WIDTH * names.length}>
      <Table className="figures" withTableBorder verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            {heads.map((head) => (
              <Table.Th key={head}>{head}</Table.Th>
            ))}
            {names.map((name) => (
              <Table.Th key={name}>{metricName(t, name)}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.name}>
              <Table.Td>{row.name}</Table.Td>
              {row.counts?.map((count, column) => (
                <Table.Td key={heads[column + 1]}>{count}</Table.Td>
              ))}
              {names.map((name) => (
                <Cell key={name} figure={row.metrics[name]} />
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
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
      <FigureTable heads={[t("evaluation.class")]} names={names} rows={rows.map(([name, metrics]) => ({ name, metrics }))} />
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
          <FigureTable
            key={attribute}
            heads={[
              t(`evaluation.attribute.${attribute}`, { defaultValue: attribute }),
              t("evaluation.series"),
              t("evaluation.groups"),
            ]}
            names={names}
            rows={rows.map(({ value, n, groups, metrics }) => ({
              name: value || t("cohorts.unknown"),
              counts: [n, groups],
              metrics,
            }))}
          />
        ))}
      </Stack>
    </div>
  );
}
