/** The figures of a test: each with its 95 % interval. */

import { Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { metricName, metricText } from "./metric";

export interface Figure {
  value: number | null;
  low?: number | null;
  high?: number | null;
}

export const isFigure = (value: unknown): value is Figure => typeof value === "object" && value !== null && "value" in value;

/** Returns a metric's value out of the answer's open mapping. */
export function metricOf(metrics: Record<string, unknown>, name: string): number | null {
  const found = metrics[name];
  return isFigure(found) ? found.value : null;
}

export const figuresIn = (metrics: Record<string, unknown>): string[] =>
  Object.keys(metrics).filter((name) => isFigure(metrics[name]));

/** `0.91 – 0.97`, or `–` where there is no interval. */
export function intervalText(figure: Figure | undefined): string {
  return typeof figure?.low === "number" ? `${metricText(figure.low)} – ${metricText(figure.high)}` : "–";
}

// Units that a figure has by its name; others are told with it.
const UNITS: Readonly<Record<string, string>> = { psnr: "dB" };

interface Props {
  metrics: Record<string, unknown>;
  /** What stands beside it: the same figures of something else. */
  beside?: readonly { name: string; metrics: Record<string, unknown> }[];
  units?: Record<string, string>;
}

export function Figures({ metrics, beside = [], units = {} }: Props): ReactNode {
  const { t } = useTranslation();
  const names = figuresIn(metrics);
  if (!names.length) return null;
  const unitOf = (name: string): string => {
    const unit = units[name] ?? UNITS[name];
    return unit ? ` (${unit})` : "";
  };
  return (
    <Table.ScrollContainer minWidth={280 + 130 * beside.length}>
      <Table className="figures" withTableBorder verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("figures.name")}</Table.Th>
            <Table.Th>{t("figures.value")}</Table.Th>
            <Table.Th>{t("figures.interval")}</Table.Th>
            {beside.map(({ name }) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {names.map((name) => {
            const figure = metrics[name] as Figure;
            return (
              <Table.Tr key={name}>
                <Table.Td>
                  {metricName(t, name)}
                  {unitOf(name)}
                </Table.Td>
                <Table.Td fw={600}>{metricText(figure.value)}</Table.Td>
                <Table.Td>
                  <Text span size="sm" c="dimmed">
                    {intervalText(figure)}
                  </Text>
                </Table.Td>
                {beside.map((other) => (
                  <Table.Td key={other.name}>
                    <Text span size="sm" c="grape">
                      {metricText(metricOf(other.metrics, name))}
                    </Text>
                  </Table.Td>
                ))}
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
