/** Curves with uPlot: the plot is made once, and fed as values come. */

import "uplot/dist/uPlot.min.css";

import { Box, useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef, type ReactNode } from "react";
import uPlot from "uplot";

import { metricText } from "./metric";

export interface Curve {
  label: string;
  colour: string;
  values: (number | null)[];
  dash?: number[];
  /** A line that is only there to be compared with: no points, thin. */
  isReference?: boolean;
  /** Points at the values, also where the other lines have none. */
  hasPoints?: boolean;
}

interface Props {
  /** Where the values stand, in rising order. */
  x: number[];
  xLabel: string;
  curves: Curve[];
  /** Fixed range of the value axis; by default it follows the values. */
  range?: [number, number];
  xRange?: [number, number];
  /** Whole numbers, such as epochs, are marked alone. */
  isWhole?: boolean;
  /** Without points at the values, and drawn across gaps: a line through many places. */
  isDense?: boolean;
  title: string;
  height?: number;
}

const ROOM_FOR_LEGEND = 40;

export function Curves({ x, xLabel, curves, range, xRange, isWhole, isDense, title, height = 230 }: Props): ReactNode {
  const { ref, width } = useElementSize();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme("dark");
  const shape = [xLabel, height, ...curves.map(({ label, colour, dash }) => `${label}${colour}${dash?.join() ?? ""}`)].join();
  const wide = Math.floor(width / 20) * 20;

  useEffect(() => {
    if (!host.current || !wide) return undefined;
    const ink = scheme === "dark" ? "#c9c9c9" : "#333";
    const grid = { stroke: scheme === "dark" ? "#383838" : "#e3e3e3", width: 1 };
    const made = new uPlot(
      {
        width: wide,
        height,
        scales: {
          x: { time: false, ...(xRange ? { range: xRange } : {}) },
          y: { range: range ?? ((_, low, high) => [Math.min(0, low), high > 0 ? high * 1.05 : high || 1]) },
        },
        axes: [
          { stroke: ink, grid, ...(isWhole ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] } : {}) },
          { stroke: ink, grid, size: 50, values: (_, marks) => marks.map((mark) => String(Number(mark.toPrecision(4)))) },
        ],
        series: [
          { label: xLabel, value: (_, value: number | null) => (value === null ? "–" : String(Number(value.toFixed(3)))) },
          ...curves.map((curve) => ({
            label: curve.label,
            stroke: curve.colour,
            width: curve.isReference ? 1 : 2,
            points: { show: curve.hasPoints ?? (!isDense && !curve.isReference), size: curve.hasPoints ? 8 : 5 },
            spanGaps: Boolean(isDense),
            value: (_: uPlot, value: number | null) => metricText(value),
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
  }, [shape, wide, scheme]);

  useEffect(() => {
    plot.current?.setData([x, ...curves.map(({ values }) => values)] as uPlot.AlignedData);
  }, [x, curves, shape, wide, scheme]);

  return (
    <Box ref={ref} role="img" aria-label={title} mih={height + ROOM_FOR_LEGEND}>
      <div ref={host} />
    </Box>
  );
}
