/** The figures of every epoch, as a table. */

import { Table } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Epoch } from "../../store/queries";
import { metricName, metricText } from "../../ui/metric";
import { namesIn, valueOf } from "./history";

export function Epochs({ history }: { history: readonly Epoch[] }): ReactNode {
  const { t } = useTranslation();
  const columns = [...namesIn(history, "losses"), ...namesIn(history, "figures")];
  return (
    <Table.ScrollContainer minWidth={160 + 90 * columns.length} mah={420}>
      <Table className="figures" verticalSpacing={2} stickyHeader data-testid="epochs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("training.epoch")}</Table.Th>
            {columns.map((name) => (
              <Table.Th key={name}>{metricName(t, name)}</Table.Th>
            ))}
            <Table.Th>{t("training.seconds")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {history.map((epoch) => (
            <Table.Tr key={epoch.epoch}>
              <Table.Td>
                {epoch.epoch} / {epoch.epochs}
              </Table.Td>
              {columns.map((name) => (
                <Table.Td key={name}>{metricText(valueOf(epoch, name))}</Table.Td>
              ))}
              <Table.Td>{epoch.seconds.toFixed(1)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
