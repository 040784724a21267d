/** What the chosen segment measures, and what is done to it as a whole. */

import { Button, Loader, Menu, NumberInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Figures } from "../segmentation/edits";
import type { Logic } from "../segmentation/runs";
import { useSession } from "../session";
import { activeSegment, useSegments } from "../state/segmentsStore";
import { activeFrames, activeSeriesUid, useViewer } from "../state/viewerStore";
import { activeSpace } from "./middle";
import { RangeSetting } from "./SegmentTools";
import styles from "./segments.module.css";
import { combine, doWhole, measured, type WholeAct } from "./whole";

const ACTS: readonly WholeAct[] = ["interpolate", "smooth", "largest", "small"];
const LOGICS: readonly Logic[] = ["union", "subtract", "intersect"];
const MEASURED_AFTER_MS = 400;

export function WholeSegment() {
  const { t } = useTranslation("viewer");
  const { segments: session } = useSession();
  const segment = useSegments(activeSegment);
  const segments = useSegments((state) => state.segments);
  const busy = useSegments((state) => state.busy);
  const hasRange = useSegments((state) => state.range !== null);
  const [marginMm, setMarginMm] = useState(2);
  if (!segment) return null;
  const isOff = segment.is_locked || busy !== "";
  const act = (what: WholeAct) => (): void => { void doWhole(session, activeSpace(), what, marginMm); };
  return (
    <section className={styles.panel} aria-label={segment.label}>
      <Measured number={segment.number} />
      <div className={styles.acts}>
        {ACTS.map((what) => <Button key={what} size="compact-xs" variant="default" disabled={isOff} title={t(`segmentation.act_hint.${what}`)} onClick={act(what)}>{t(`segmentation.act.${what}`)}</Button>)}
        <Menu position="bottom-start" returnFocus={false}>
          <Menu.Target><Button size="compact-xs" variant="default" disabled={isOff || segments.length < 2}>{t("segmentation.combine")}</Button></Menu.Target>
          <Menu.Dropdown mah="60dvh" style={{ overflowY: "auto" }}>
            {LOGICS.map((logic) => [
              <Menu.Label key={logic}>{t(`segmentation.logic.${logic}`)}</Menu.Label>,
              ...segments.filter(({ number }) => number !== segment.number).map(({ number, label }) => <Menu.Item key={`${logic}${number}`} onClick={() => { combine(session, activeSpace(), number, logic); }}>{label}</Menu.Item>),
            ])}
          </Menu.Dropdown>
        </Menu>
        <Button size="compact-xs" variant="default" color="red" disabled={isOff} onClick={act("clear")}>{t("segmentation.act.clear")}</Button>
      </div>
      <div className={styles.row}>
        <NumberInput size="xs" w={92} min={0.1} max={50} step={0.5} suffix=" mm" aria-label={t("segmentation.margin")} value={marginMm} onChange={(value) => { if (typeof value === "number") setMarginMm(value); }} />
        <Button size="compact-xs" variant="default" disabled={isOff} onClick={act("grow_mm")}>{t("segmentation.act.grow_mm")}</Button>
        <Button size="compact-xs" variant="default" disabled={isOff} onClick={act("shrink_mm")}>{t("segmentation.act.shrink_mm")}</Button>
      </div>
      <RangeSetting />
      {hasRange && <Button size="compact-xs" variant="default" disabled={isOff} onClick={act("threshold")}>{t("segmentation.act.threshold")}</Button>}
      {busy && <div className={styles.row}><span className={styles.status}><Loader size={12} /> {t("segmentation.busy")}</span><Button size="compact-xs" variant="subtle" onClick={() => { useSegments.setState({ busy: "" }); }}>{t("cancel")}</Button></div>}
    </section>
  );
}

function Measured({ number }: { number: number }) {
  const { t } = useTranslation("viewer");
  const { segments: session } = useSession();
  const version = useSegments((state) => state.version);
  const seriesUid = useViewer(activeSeriesUid);
  const unit = useViewer((state) => activeFrames(state)[0]?.unit ?? "");
  const isWhole = useViewer((state) => state.loading[seriesUid ?? ""]?.loaded);
  const [figures, setFigures] = useState<Figures | null>(null);
  useEffect(() => {
    // A stroke must not wait for figures.
    const timer = setTimeout(() => { setFigures(measured(session, activeSpace(), number)); }, MEASURED_AFTER_MS);
    return () => { clearTimeout(timer); };
  }, [session, number, version, seriesUid, isWhole]);
  if (!figures) return null;
  const said = (value: number | null, digits: number, after: string): string => (value === null ? "–" : `${value.toFixed(digits)}${after && ` ${after}`}`);
  return (
    <dl className={styles.figures} data-testid="segment-figures">
      <dt>{t("segmentation.volume")}</dt><dd>{figures.millilitres === null ? "–" : said(figures.millilitres, figures.millilitres < 10 ? 3 : 1, "mL")}</dd>
      <dt>{t("segmentation.voxels")}</dt><dd>{figures.voxels}</dd>
      <dt>{t("segmentation.mean")}</dt><dd>{figures.mean === null ? "–" : `${figures.mean.toFixed(1)} ± ${said(figures.std, 1, unit)}`}</dd>
      <dt>{t("segmentation.extremes")}</dt><dd>{figures.min === null ? "–" : `${figures.min.toFixed(0)} … ${said(figures.max, 0, unit)}`}</dd>
      <dt>{t("segmentation.longest")}</dt><dd>{said(figures.longestMm, 1, "mm")}</dd>
    </dl>
  );
}
