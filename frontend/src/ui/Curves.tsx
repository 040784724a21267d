/** Live curves over epochs with uPlot: the plot is made once, and fed as epochs come. */

import "uplot/dist/uPlot.min.css";

import { Box, useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";

export interface Curve {
  label: string;
  colour: string;
  values: (number | null)[];
  dash?: number[];
}

interface Props {
  epochs: number[];
  curves: Curve[];
  /** Fixed range of the value axis; by default it follows the values. */
  range?: [number, number];
  title: string;
}

const HEIGHT = 230;

export function Curves({ epochs, curves, range, title }: Props): ReactNode {
  const { t } = useTranslation();
  const { ref, width } = useElementSize();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme("dark");
  const shape = curves.map(({ label, colour }) => label + colour).join();
  const wide = Math.floor(width / 20) * 20;

  useEffect(() => {
    if (!host.current || !wide) return undefined;
    const ink = scheme === "dark" ? "#c9c9c9" : "#333";
    const grid = { stroke: scheme === "dark" ? "#383838" : "#e3e3e3", width: 1 };
    const made = new uPlot(
      {
        width: wide,
        height: HEIGHT,
        scales: { x: { time: false }, y: range ? { range } : { range: (_, low, high) => [Math.min(0, low), high * 1.05 || 1] } },
        axes: [
          { stroke: ink, grid, incrs: [1, 2, 5, 10, 20, 50, 100] },
          { stroke: ink, grid, size: 46 },
        ],
        series: [
          { label: t("training.epoch") },
          ...curves.map((curve) => ({
            label: curve.label,
            stroke: curve.colour,
            width: 2,
            points: { show: true, size: 5 },
            value: (_: uPlot, value: number | null) => (value === null ? "–" : value.toFixed(3)),
            ...(curve.dash ? { dash: curve.dash } : {}),
          })),
        ],
      },
      [[], ...curves.map(() => [])] as unknown as uPlot.AlignedData,
      host.current,
    );
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- values are fed below; only shape and size make it anew
  }, [shape, wide, scheme, t]);

  useEffect(() => {
    plot.current?.setData([epochs, ...curves.map(({ values }) => values)] as uPlot.AlignedData);
  }, [epochs, curves, shape, wide, scheme, t]);

  return (
    <Box ref={ref} role="img" aria-label={title} mih={HEIGHT + 40}>
      <div ref={host} />
    </Box>
  );
}
