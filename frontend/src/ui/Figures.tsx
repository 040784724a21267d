/** The figures of a test: each with its 95 % interval. */

import { Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { figure } from "./format";

interface Figure {
  value: number | null;
  low?: number | null;
  high?: number | null;
}

const ORDER = ["accuracy", "recall", "specificity", "precision", "f1", "auc"];

const isFigure = (value: unknown): value is Figure => typeof value === "object" && value !== null && "value" in value;

/** Returns a metric's value out of the answer's open mapping. */
export function metricOf(metrics: Record<string, unknown>, name: string): number | null {
  const found = metrics[name];
  return isFigure(found) ? found.value : null;
}

export function Figures({ metrics }: { metrics: Record<string, unknown> }): ReactNode {
  const { t } = useTranslation();
  const names = ORDER.filter((name) => isFigure(metrics[name]));
  if (!names.length) return null;
  return (
    <Table className="figures" withTableBorder verticalSpacing={4}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("figures.name")}</Table.Th>
          <Table.Th>{t("figures.value")}</Table.Th>
          <Table.Th>{t("figures.interval")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {names.map((name) => {
          const { value, low, high } = metrics[name] as Figure;
          return (
            <Table.Tr key={name}>
              <Table.Td>{t(`metric.${name}`)}</Table.Td>
              <Table.Td fw={600}>{figure(value)}</Table.Td>
              <Table.Td>
                <Text span size="sm" c="dimmed">
                  {typeof low === "number" ? `${figure(low)} – ${figure(high)}` : "–"}
                </Text>
              </Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}
