/** The tools that paint, and how they are set. */

import { Checkbox, NumberInput, SegmentedControl, Slider } from "@mantine/core";
import { IconBallpen, IconBrush, IconCircleDashed, IconCircleMinus, IconEraser, IconLassoPolygon, IconRectangle, IconWand } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { keyOf, type ActName } from "../commands";
import { ToolButton } from "../parts/ToolButton";
import { useSession } from "../session";
import { useSegments, type SegmentTool } from "../state/segmentsStore";
import { activePane, useViewer } from "../state/viewerStore";
import styles from "./segments.module.css";

const TOOLS: readonly { name: SegmentTool; icon: typeof IconBrush; act?: ActName }[] = [
  { name: "brush", icon: IconBrush, act: "segmentBrush" },
  { name: "erase", icon: IconEraser, act: "segmentErase" },
  { name: "push", icon: IconBallpen },
  { name: "scissors", icon: IconLassoPolygon },
  { name: "rectangle", icon: IconRectangle },
  { name: "circle", icon: IconCircleDashed },
  { name: "grow", icon: IconWand },
  { name: "island", icon: IconCircleMinus },
];

export function SegmentTools() {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const tool = useSegments((state) => state.tool);
  return (
    <>
      <div className={styles.tools} role="toolbar" aria-label={t("segmentation.tools")}>
        {TOOLS.map(({ name, icon, act }) => (
          <ToolButton key={name} label={t(`segmentation.tool.${name}`)} icon={icon} isActive={tool === name} hotkey={act && keyOf(act)} onClick={() => { grid.setSegmentTool(tool === name ? null : name); }} />
        ))}
      </div>
      {tool && <Settings tool={tool} />}
    </>
  );
}

function Settings({ tool }: { tool: SegmentTool }) {
  const { t } = useTranslation("viewer");
  const { brushMm, isBall, isThrough, isCutting, isExclusive } = useSegments();
  const isRound = tool === "brush" || tool === "erase" || tool === "push";
  const isShape = tool === "scissors" || tool === "rectangle" || tool === "circle";
  return (
    <div className={styles.panel}>
      <small className={styles.empty}>{t(`segmentation.hint.${tool}`)}</small>
      {isRound && (
        <div className={styles.setting}>
          <label id="brush-size">{t("segmentation.size")}</label><span>{brushMm} mm</span>
          <Slider style={{ gridColumn: "1 / -1" }} size="sm" min={0.5} max={50} step={0.5} label={null} thumbLabel={t("segmentation.size")} value={brushMm} onChange={(value) => { useSegments.setState({ brushMm: value }); }} />
        </div>
      )}
      {isShape && (
        <SegmentedControl size="xs" fullWidth aria-label={t("segmentation.shape")} value={isCutting ? "take" : "add"} onChange={(value) => { useSegments.setState({ isCutting: value === "take" }); }}
          data={[{ value: "add", label: t("segmentation.fill") }, { value: "take", label: t("segmentation.cut") }]} />
      )}
      {isRound && <Checkbox size="xs" label={t("segmentation.ball")} checked={isBall} onChange={({ currentTarget }) => { useSegments.setState({ isBall: currentTarget.checked }); }} />}
      {(isShape || tool === "grow") && <Checkbox size="xs" label={t("segmentation.through")} checked={isThrough} onChange={({ currentTarget }) => { useSegments.setState({ isThrough: currentTarget.checked }); }} />}
      {tool !== "island" && tool !== "erase" && <RangeSetting />}
      {tool !== "island" && tool !== "erase" && <Checkbox size="xs" label={t("segmentation.exclusive")} checked={isExclusive} onChange={({ currentTarget }) => { useSegments.setState({ isExclusive: currentTarget.checked }); }} />}
    </div>
  );
}

/** Which values are painted: all, or those of a range; it begins with what the window shows as neither black nor white. */
export function RangeSetting() {
  const { t } = useTranslation("viewer");
  const range = useSegments((state) => state.range);
  const begin = (): void => {
    const { center, width } = activePane(useViewer.getState()).view?.window ?? { center: 0, width: 1000 };
    useSegments.setState({ range: { low: Math.round(center - width / 4), high: Math.round(center + width / 4) } });
  };
  const put = (end: "low" | "high") => (value: string | number): void => { if (range && typeof value === "number") useSegments.setState({ range: { ...range, [end]: value } }); };
  return (
    <>
      <Checkbox size="xs" label={t("segmentation.range")} checked={range !== null} onChange={({ currentTarget }) => { if (currentTarget.checked) begin(); else useSegments.setState({ range: null }); }} />
      {range && (
        <div className={styles.row}>
          <NumberInput size="xs" aria-label={t("segmentation.low")} value={range.low} onChange={put("low")} />
          <span>–</span>
          <NumberInput size="xs" aria-label={t("segmentation.high")} value={range.high} onChange={put("high")} />
        </div>
      )}
    </>
  );
}
