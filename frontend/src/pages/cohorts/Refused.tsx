/** What was left out of an import, and why. */

import { Table } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

const SHOWN = 200;

interface Props {
  refused: readonly { item: string; reason: string }[];
  /** Of which `refused` may be the first. */
  count: number;
}

export function Refused({ refused, count }: Props): ReactNode {
  const { t } = useTranslation();
  if (!refused.length) return null;
  return (
    <details open>
      <summary>{t("dataset.refused", { count })}</summary>
      <Table.ScrollContainer minWidth={280} mah={300} mt="xs">
        <Table verticalSpacing={2} withTableBorder>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("dataset.item")}</Table.Th>
              <Table.Th>{t("dataset.reason")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {refused.slice(0, SHOWN).map(({ item, reason }, index) => (
              <Table.Tr key={index}>
                <Table.Td style={{ wordBreak: "break-all" }}>{item}</Table.Td>
                <Table.Td>{reason}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </details>
  );
}
