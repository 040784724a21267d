/** The boxes that a detector has found, the best first; a click goes there. */

import { Slider, UnstyledButton } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { placeOf } from "../logic/frames";
import { isSameBox, middleOf, type Box } from "../logic/pieces";
import { colourOf } from "../logic/segments";
import { useSession } from "../session";
import { foundBoxes, isOver, useAnalyses, versionOf, type AnalysisView } from "../state/analysesStore";
import { useDisplay } from "../state/displayStore";
import { goToBox, isShown } from "../state/findings";
import { activeFrames, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";

/** A list of hundreds helps nobody: the rest comes when it is asked for. */
const AT_FIRST = 30;

export function BoxList({ view }: { view: AnalysisView }) {
  const { t } = useTranslation("viewer");
  const all = foundBoxes(view);
  const leastScore = useDisplay((state) => state.leastScore);
  const [isLong, setLong] = useState(false);
  const shown = useMemo(() => all.filter((box) => isShown(box, leastScore)), [all, leastScore]);
  if (!all.length) return isOver(view.analysis.job) ? null : <p className={styles.empty}>{t("boxes.none_yet")}</p>;
  return (
    <>
      <Threshold boxes={all} shown={shown.length} />
      <ol className={styles.rows} aria-label={t("boxes.title")} data-testid="boxes">
        {(isLong ? shown : shown.slice(0, AT_FIRST)).map((box, place) => <li key={place}><BoxRow box={box} view={view} /></li>)}
      </ol>
      {!isLong && shown.length > AT_FIRST && (
        <UnstyledButton className={styles.more} onClick={() => { setLong(true); }}>{t("boxes.more", { count: shown.length - AT_FIRST })}</UnstyledButton>
      )}
    </>
  );
}

function Threshold({ boxes, shown }: { boxes: readonly Box[]; shown: number }) {
  const { t } = useTranslation("viewer");
  const leastScore = useDisplay((state) => state.leastScore);
  const lowest = Math.floor(Math.min(...boxes.map(({ score }) => score)) * 100) / 100;
  return (
    <div>
      <div className={styles.split}>
        <span>{t("boxes.threshold")} <b>{(leastScore ?? lowest).toFixed(2)}</b></span>
        <span>{t("boxes.shown", { shown, all: boxes.length })}</span>
      </div>
      <Slider size="sm" min={lowest} max={1} step={0.01} label={null} thumbLabel={t("boxes.threshold")} value={leastScore ?? lowest} onChange={(value) => { useDisplay.setState({ leastScore: value <= lowest ? null : value }); }} />
    </div>
  );
}

function BoxRow({ box, view }: { box: Box; view: AnalysisView }) {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const isSelected = useDisplay(({ selectedBox }) => selectedBox !== null && isSameBox(selectedBox, box));
  const classes = useAnalyses(({ models }) => versionOf(view.analysis, models)?.classes);
  const colour = colourOf(Math.max(0, classes?.indexOf(box.label) ?? 0) + 1);
  const frames = useViewer(activeFrames);
  const place = useMemo(() => placeOf(frames, middleOf(box)), [frames, box]);
  const slices = Math.round((box.high[0] ?? 0) - (box.low[0] ?? 0));
  return (
    <UnstyledButton className={styles.row} data-open={isSelected || undefined} aria-current={isSelected} onClick={() => { goToBox(grid.active, box); }}>
      <span>
        <span className={styles.boxName}><i style={{ background: colour }} aria-hidden /> {box.label}</span>
        <small>{t("boxes.slice", { index: place + 1 })}{slices > 1 && ` · ${t("boxes.slices", { count: slices })}`}</small>
      </span>
      <b>{box.score.toFixed(2)}</b>
    </UnstyledButton>
  );
}
