/** What generated images are worth: classifiers that learnt from real ones, from these alone and from both, on real images. */

import { Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { EvaluationDocument } from "../../store/evaluations";
import { FigureTable } from "./Tables";

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
      <FigureTable
        heads={[t("evaluation.learntFrom"), t("evaluation.trainingImages")]}
        names={names}
        rows={rows.map(({ way, training_images: images, metrics }) => ({
          name: t(`evaluation.ways.${way}`),
          counts: [images],
          metrics,
        }))}
      />
      <Text size="xs" c="dimmed" mt={4}>
        {t("evaluation.worthHint", { count: rows[0]?.measured_images ?? 0 })}
      </Text>
    </div>
  );
}
