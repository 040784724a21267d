/** What generated images are worth: classifiers that learnt from real ones, from these alone and from both, on real images. */

import { Table, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { EvaluationDocument } from "../../store/evaluations";
import { metricName } from "../../ui/metric";
import { Cell } from "./Tables";

const WAYS = ["real", "generated", "both"] as const;
const FIGURES = ["balanced_accuracy", "accuracy", "auc"];

export function Worth({ worth }: { worth: NonNullable<EvaluationDocument["worth"]> }): ReactNode {
  const { t } = useTranslation();
  const rows = WAYS.flatMap((way) => (worth[way] ? [{ way, ...worth[way] }] : []));
  const names = FIGURES.filter((name) => rows.some(({ metrics }) => name in metrics));
  return (
    <div>
      <Title order={4} mb="xs">
        {t("evaluation.worth")}
      </Title>
      <Table.ScrollContainer minWidth={260 + 110 * names.length}>
        <Table className="figures" withTableBorder verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("evaluation.learntFrom")}</Table.Th>
              <Table.Th>{t("evaluation.trainingImages")}</Table.Th>
              {names.map((name) => (
                <Table.Th key={name}>{metricName(t, name)}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(({ way, training_images: images, metrics }) => (
              <Table.Tr key={way}>
                <Table.Td>{t(`evaluation.ways.${way}`)}</Table.Td>
                <Table.Td>{images}</Table.Td>
                {names.map((name) => (
                  <Cell key={name} figure={metrics[name]} />
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="xs" c="dimmed" mt={4}>
        {t("evaluation.worthHint", { count: rows[0]?.measured_images ?? 0 })}
      </Text>
    </div>
  );
}
