/** How often each class was called each class: truth in rows, shaded by the row's share. */

import { Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { percent } from "./format";

interface Props {
  classes: readonly string[];
  counts: readonly (readonly number[])[];
  title: string;
}

export function Confusion({ classes, counts, title }: Props): ReactNode {
  const { t } = useTranslation();
  const nameOf = (index: number): string => classes[index] ?? String(index);
  return (
    <Table.ScrollContainer minWidth={90 + 70 * counts.length}>
      <Table className="confusion" aria-label={title} withTableBorder withColumnBorders>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>
              <Text size="xs" c="dimmed">
                {t("confusion.truth")} ↓ · {t("confusion.called")} →
              </Text>
            </Table.Th>
            {counts.map((_, column) => (
              <Table.Th key={column} scope="col">
                {nameOf(column)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {counts.map((row, truth) => {
            const sum = row.reduce((all, one) => all + one, 0);
            return (
              <Table.Tr key={truth}>
                <Table.Th scope="row">{nameOf(truth)}</Table.Th>
                {row.map((count, called) => {
                  const share = sum ? count / sum : 0;
                  const words = { truth: nameOf(truth), called: nameOf(called), count, share: percent(share) };
                  return (
                    <Table.Td
                      key={called}
                      title={t("confusion.cell", words)}
                      data-right={truth === called}
                      style={{ "--share": `${String(Math.round(share * 75))}%` }}
                    >
                      {count}
                    </Table.Td>
                  );
                })}
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
