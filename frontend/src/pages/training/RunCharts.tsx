/** A run's curves: losses, figures between 0 and 1, and each figure of another scale; which are shown is chosen. */

import { Chip, Group, Paper, SimpleGrid, Text } from "@mantine/core";
import { useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Epoch } from "../../store/queries";
import { Curves, type Curve } from "../../ui/Curves";
import { colourOf, dashOf, metricName } from "../../ui/metric";
import { chartsOf, valueOf, type Chart } from "./history";

export function RunCharts({ history, headline }: { history: readonly Epoch[]; headline: string }): ReactNode {
  const charts = chartsOf(history, headline);
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      {charts.map((chart) => (
        <OneChart key={chart.key} chart={chart} history={history} headline={headline} />
      ))}
    </SimpleGrid>
  );
}

function OneChart({ chart, history, headline }: { chart: Chart; history: readonly Epoch[]; headline: string }): ReactNode {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<string[] | null>(null);
  const shown = chosen ?? chart.shownAtFirst;
  const epochs = useMemo(() => history.map(({ epoch }) => epoch), [history]);
  const names = chart.names.join();
  const wanted = shown.join();
  const curves = useMemo(
    () =>
      names
        .split(",")
        .map((name, index): Curve & { name: string } => ({
          name,
          label: metricName(t, name),
          colour: colourOf(index),
          ...dashOf(index),
          values: history.map((epoch) => valueOf(epoch, name)),
        }))
        .filter(({ name }) => wanted.split(",").includes(name)),
    [history, names, wanted, t],
  );
  const title = chart.key === "losses" || chart.key === "figures" ? t(`training.${chart.key}`) : metricName(t, chart.key);
  return (
    <Paper withBorder p="sm" component="section" aria-label={title}>
      <Group justify="space-between" mb={6} gap={6} align="flex-start">
        <Text fw={600}>{title}</Text>
        {chart.names.length > 1 && (
          <Chip.Group multiple value={shown} onChange={setChosen}>
            <Group gap={4} role="group" aria-label={t("training.show")}>
              {chart.names.map((name) => (
                <Chip key={name} value={name} size="xs" radius="sm" {...(name === headline ? { fw: 700 } : {})}>
                  {metricName(t, name)}
                </Chip>
              ))}
            </Group>
          </Chip.Group>
        )}
      </Group>
      <Curves
        title={title}
        x={epochs}
        xLabel={t("training.epoch")}
        isWhole
        curves={curves}
        {...(chart.isShare ? { range: [0, 1] as [number, number] } : {})}
      />
    </Paper>
  );
}
