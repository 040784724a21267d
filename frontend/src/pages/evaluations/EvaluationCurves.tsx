/** ROC, precision–recall and FROC curves, and whether probabilities mean what they say. */

import { Paper, SimpleGrid, Text } from "@mantine/core";
import { useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { EvaluationDocument } from "../../store/evaluations";
import { Curves, type Curve } from "../../ui/Curves";
import { joined, type Point } from "../../ui/lines";
import { colourOf, dashOf } from "../../ui/metric";

const ORDER = ["roc", "pr", "froc"];
const MOST_FALSE = 8;
const DIAGONAL: Point[] = [
  [0, 0],
  [1, 1],
];

export function EvaluationCurves({ document }: { document: EvaluationDocument }): ReactNode {
  const curves = document.curves ?? {};
  const names = Object.keys(curves).sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
  const bins = document.calibration?.bins ?? [];
  if (!names.length && !bins.length) return null;
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      {names.map((name) => (
        <OneKind key={name} name={name} classes={curves[name] ?? {}} isOfWhole={document.task === "autoencoder"} />
      ))}
      {bins.length > 0 && <Reliability bins={bins} />}
    </SimpleGrid>
  );
}

interface KindProps {
  name: string;
  classes: Record<string, number[][]>;
  /** The lines are of series and of slices, not of classes. */
  isOfWhole: boolean;
}

function OneKind({ name, classes, isOfWhole }: KindProps): ReactNode {
  const { t } = useTranslation();
  const kind = ORDER.find((one) => name.startsWith(one)) ?? "roc";
  const { x, curves } = useMemo(() => {
    const labels = Object.keys(classes);
    const hasDiagonal = kind === "roc";
    const lines = labels.map((label) => (classes[label] ?? []).map((point): Point => [point[0] ?? 0, point[1] ?? 0]));
    const { x: places, values } = joined(hasDiagonal ? [...lines, DIAGONAL] : lines);
    const drawn = labels.map((label, index): Curve => ({
      label: isOfWhole ? t(`evaluation.whole.${label}`, { defaultValue: label }) : label || t("evaluation.all"),
      colour: colourOf(index),
      ...dashOf(index),
      values: values[index] ?? [],
    }));
    const chance: Curve = { label: t("evaluation.chance"), colour: "#868e96", dash: [4, 4], isReference: true, values: values.at(-1) ?? [] };
    return { x: places, curves: hasDiagonal ? [...drawn, chance] : drawn };
  }, [classes, kind, isOfWhole, t]);
  const title = t(`evaluation.curve.${name}`, { defaultValue: name });
  return (
    <Paper withBorder p="sm" component="section" aria-label={title}>
      <Text fw={600}>{title}</Text>
      <Text size="xs" c="dimmed">
        {t(`evaluation.axes.${kind}`)}
      </Text>
      <Curves
        title={title}
        x={x}
        xLabel={t(`evaluation.x.${kind}`)}
        curves={curves}
        range={[0, 1.02]}
        xRange={kind === "froc" ? [0, MOST_FALSE] : [0, 1]}
        isDense
      />
    </Paper>
  );
}

function Reliability({ bins }: { bins: NonNullable<EvaluationDocument["calibration"]>["bins"] }): ReactNode {
  const { t } = useTranslation();
  const { x, curves } = useMemo(() => {
    const points = bins.map(({ confidence, frequency }): Point => [confidence, frequency]).sort((a, b) => a[0] - b[0]);
    const { x: places, values } = joined([points, DIAGONAL]);
    const drawn: Curve[] = [
      { label: t("evaluation.observed"), colour: colourOf(0), values: values[0] ?? [], hasPoints: true },
      { label: t("evaluation.perfect"), colour: "#868e96", dash: [4, 4], isReference: true, values: values[1] ?? [] },
    ];
    return { x: places, curves: drawn };
  }, [bins, t]);
  const title = t("evaluation.reliability");
  return (
    <Paper withBorder p="sm" component="section" aria-label={title}>
      <Text fw={600}>{title}</Text>
      <Text size="xs" c="dimmed">
        {t("evaluation.reliabilityHint", { counts: bins.map(({ n }) => n).join(" · ") })}
      </Text>
      <Curves title={title} x={x} xLabel={t("evaluation.claimed")} curves={curves} range={[0, 1.02]} xRange={[0, 1]} isDense />
    </Paper>
  );
}
