/** The segments of a mask: how large each is, and how it is shown. */

import { ActionIcon, ColorSwatch, Popover, SegmentedControl, Slider, UnstyledButton } from "@mantine/core";
import { IconEye, IconEyeOff } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { segmentSize } from "../logic/format";
import { PALETTE } from "../logic/segments";
import { segmentsOf, useAnalyses, verdictOf, type AnalysisView, type Segment } from "../state/analysesStore";
import { setStyle, styleOf, useDisplay } from "../state/displayStore";
import { activeFrames, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";

export function SegmentList({ view }: { view: AnalysisView }) {
  const { t } = useTranslation("viewer");
  const models = useAnalyses((state) => state.models);
  const isFilled = useDisplay((state) => state.isFilled);
  const segments = segmentsOf(view, models);
  return (
    <>
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label={t("segments.look")}
        data={[{ value: "fill", label: t("segments.fill") }, { value: "outline", label: t("segments.outline") }]}
        value={isFilled ? "fill" : "outline"}
        onChange={(value) => { useDisplay.setState({ isFilled: value === "fill" }); }}
      />
      <ul className={styles.segments} aria-label={t("segments.title")}>
        {segments.map((segment) => <SegmentRow key={segment.number} segment={segment} view={view} />)}
      </ul>
    </>
  );
}

/** Returns how large a segment is, as far as the images tell: a volume, an area, or its pixels. */
function useSize(view: AnalysisView, { label, voxels }: Segment): string {
  const frames = useViewer(activeFrames);
  const millilitres = verdictOf(view)?.measures?.[label];
  return segmentSize({ millilitres, voxels, frames });
}

function SegmentRow({ segment, view }: { segment: Segment; view: AnalysisView }) {
  const { t } = useTranslation("viewer");
  const { number, label } = segment;
  const style = useDisplay((state) => state.styles[label]);
  const { colour, opacity, isVisible } = styleOf(style ? { [label]: style } : {}, label, number);
  const size = useSize(view, segment);
  return (
    <li data-hidden={!isVisible || undefined}>
      <Popover position="left" withArrow trapFocus>
        <Popover.Target>
          <UnstyledButton className={styles.swatch} aria-label={t("segments.colour", { name: label })}>
            <ColorSwatch component="span" color={colour} size={18} withShadow={false} style={{ opacity }} />
          </UnstyledButton>
        </Popover.Target>
        <Popover.Dropdown>
          <div className={styles.swatches}>
            {PALETTE.map((one) => (
              <ColorSwatch key={one} component="button" type="button" color={one} size={26} aria-label={one} aria-pressed={one === colour} onClick={() => { setStyle(label, { colour: one }); }} />
            ))}
          </div>
          <Slider size="sm" min={0.1} max={1} step={0.05} label={null} thumbLabel={t("segments.opacity", { name: label })} value={opacity} onChange={(value) => { setStyle(label, { opacity: value }); }} />
        </Popover.Dropdown>
      </Popover>
      <span>{label}</span>
      <b>{size}</b>
      <ActionIcon variant="subtle" color="gray" size="md" aria-label={t(isVisible ? "segments.hide" : "segments.show", { name: label })} aria-pressed={!isVisible} onClick={() => { setStyle(label, { isVisible: !isVisible }); }}>
        {isVisible ? <IconEye size={17} stroke={1.6} /> : <IconEyeOff size={17} stroke={1.6} />}
      </ActionIcon>
    </li>
  );
}
