/** How many series of each class each split has: numbers, each with a bar as long as its share. */

import { Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface Props {
  /** Split → class → number of series. */
  counts: Record<string, Record<string, number>>;
  patients: Record<string, number>;
  seriesOfSplit: Record<string, number>;
  classes: readonly string[];
  splits: readonly string[];
}

export function Balance({ counts, patients, seriesOfSplit, classes, splits }: Props): ReactNode {
  const { t } = useTranslation();
  const most = Math.max(1, ...splits.flatMap((split) => classes.map((name) => counts[split]?.[name] ?? 0)));
  return (
    <Table.ScrollContainer minWidth={90 + 70 * splits.length}>
      <Table className="balance" verticalSpacing={4} withTableBorder>
        <Table.Thead>
          <Table.Tr>
            <Table.Th />
            {splits.map((split) => (
              <Table.Th key={split} scope="col">
                {t(`cohorts.splits.${split}`)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {classes.map((name) => (
            <Table.Tr key={name}>
              <Table.Th scope="row">{name}</Table.Th>
              {splits.map((split) => {
                const count = counts[split]?.[name] ?? 0;
                return (
                  <Table.Td key={split}>
                    <span className="bar" style={{ width: `${String(Math.round((100 * count) / most))}%` }} aria-hidden />
                    <Text size="sm" c={count || !patients[split] ? undefined : "red"}>
                      {count}
                    </Text>
                  </Table.Td>
                );
              })}
            </Table.Tr>
          ))}
          <Table.Tr>
            <Table.Th scope="row">{t("cohorts.series")}</Table.Th>
            {splits.map((split) => (
              <Table.Td key={split}>{seriesOfSplit[split] ?? "–"}</Table.Td>
            ))}
          </Table.Tr>
          <Table.Tr>
            <Table.Th scope="row">{t("cohorts.patients")}</Table.Th>
            {splits.map((split) => (
              <Table.Td key={split}>{patients[split] ?? 0}</Table.Td>
            ))}
          </Table.Tr>
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
