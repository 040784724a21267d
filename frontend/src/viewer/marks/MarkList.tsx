/** The marks of the study: what each is and measures, whether it is saved, and what can be done with it. */

import { ActionIcon, Button, Menu, TextInput, Tooltip, UnstyledButton } from "@mantine/core";
import { IconAlertTriangle, IconCloudUpload, IconDots, IconEye, IconEyeOff, IconKey, IconLock, IconRobot } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import { ExportMenu } from "../exchange/ExportMenu";
import { figuresOf, middleOfMark } from "../logic/marks";
import { useSession } from "../session";
import { marksOf, useMarks, type ShownMark } from "../state/marksStore";
import { seriesOf, useViewer } from "../state/viewerStore";
import viewerStyles from "../viewer.module.css";
import styles from "./marks.module.css";

const MarkHistory = lazy(() => import("./MarkHistory"));

export function MarkList() {
  const { t } = useTranslation("viewer");
  const marks = useMarks(marksOf);
  const areHidden = useMarks((state) => state.areHidden);
  const [historyOf, setHistoryOf] = useState<string | null>(null);
  const uids = [...new Set(marks.map((mark) => mark.series_instance_uid))];
  const bySeries = new Map(uids.map((uid) => [uid, marks.filter((mark) => mark.series_instance_uid === uid)]));
  return (
    <div data-testid="marks">
      <div className={viewerStyles.split}>
        <SaveState />
        {marks.length > 0 && <ExportMenu forms={["sr", "csv", "json"]} stored="sr" />}
        {marks.length > 0 && (
          <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t(areHidden ? "marks.show_all" : "marks.hide_all")} title={t(areHidden ? "marks.show_all" : "marks.hide_all")} onClick={() => { useMarks.setState({ areHidden: !areHidden }); }}>
            {areHidden ? <IconEyeOff size={16} /> : <IconEye size={16} />}
          </ActionIcon>
        )}
      </div>
      {!marks.length && <p className={viewerStyles.empty}>{t("marks.none")}</p>}
      {[...bySeries].map(([uid, ofSeries]) => (
        <section key={uid}>
          {bySeries.size > 1 && <SeriesName uid={uid} />}
          <ul className={viewerStyles.rows}>{ofSeries.map((mark) => <MarkRow key={mark.id} mark={mark} onHistory={() => { setHistoryOf(mark.id); }} />)}</ul>
        </section>
      ))}
      <Suspense>{historyOf && <MarkHistory id={historyOf} onClose={() => { setHistoryOf(null); }} />}</Suspense>
    </div>
  );
}

function SeriesName({ uid }: { uid: string }) {
  const { t } = useTranslation("viewer");
  const series = useViewer((state) => seriesOf(state, uid));
  return <h3>{series?.series_description || t("no_description")}</h3>;
}

/** Whether what was drawn is safe. */
function SaveState() {
  const { t } = useTranslation("viewer");
  const status = useMarks((state) => state.status);
  return <span className={styles.status} data-status={status} role="status">{status !== "saved" && <IconCloudUpload size={14} />} {t(`marks.status.${status}`)}</span>;
}

/** Returns where a mark lies, in words: the image of its series. */
function usePlaceName(mark: ShownMark): string {
  const { t } = useTranslation("viewer");
  const index = useViewer((state) => (state.frames[mark.series_instance_uid] ?? []).findIndex((one) => one.sopInstanceUid === mark.sop_instance_uid && one.frameNumber === mark.frame_number));
  if (index >= 0) return t("measurement", { index: index + 1 });
  return mark.sop_instance_uid ? "" : t("marks.in_plane");
}

function MarkRow({ mark, onHistory }: { mark: ShownMark; onHistory: () => void }) {
  const { t } = useTranslation("viewer");
  const { grid, marks } = useSession();
  const isSelected = useMarks((state) => state.selected === mark.id);
  const [isNaming, setNaming] = useState(false);
  const place = usePlaceName(mark);
  const figures = figuresOf(mark);
  const words = mark.data.text || mark.data.label || mark.data.finding?.meaning;
  const show = (): void => {
    void grid.showFrame(mark.series_instance_uid, mark.sop_instance_uid, mark.frame_number ?? 1, middleOfMark(mark)).then(() => { marks.select(mark.id); });
    useViewer.setState({ drawer: "none" });
  };
  return (
    <li className={styles.mark} data-conflict={mark.hasConflict || undefined}>
      <div className={styles.line}>
        <UnstyledButton className={viewerStyles.row} data-open={isSelected || undefined} aria-current={isSelected} onClick={show}>
          <span>
            <span className={styles.name}>
              {mark.kind === "key" && <IconKey size={13} aria-hidden />}
              {mark.source === "model" && <IconRobot size={13} aria-label={`${mark.model}@${mark.version ?? ""}`} />}
              {mark.is_locked && <IconLock size={13} aria-label={t("marks.locked")} />}
              {words || t(`marks.kind.${mark.kind}`)}
            </span>
            <small>{[place, mark.author].filter(Boolean).join(" · ")}{mark.is_hidden && ` · ${t("marks.hidden")}`}</small>
          </span>
          <b>{figures.slice(0, 2).map((one) => <span key={one}>{one}</span>)}</b>
        </UnstyledButton>
        <Menu position="bottom-end" withinPortal returnFocus={false}>
          <Menu.Target><ActionIcon variant="subtle" color="gray" size="sm" aria-label={t("marks.more")}><IconDots size={15} /></ActionIcon></Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => { setNaming(true); }}>{t("marks.label")}</Menu.Item>
            <Menu.Item onClick={() => { marks.edit(mark.id, { is_hidden: !mark.is_hidden }); }}>{t(mark.is_hidden ? "marks.show" : "marks.hide")}</Menu.Item>
            <Menu.Item onClick={() => { marks.edit(mark.id, { is_locked: !mark.is_locked }); }}>{t(mark.is_locked ? "marks.unlock" : "marks.lock")}</Menu.Item>
            <Menu.Item onClick={onHistory}>{t("marks.history")}</Menu.Item>
            <Menu.Divider />
            <Menu.Item color="red" disabled={mark.is_locked} onClick={() => { marks.remove([mark.id]); }}>{t("delete")}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      {isNaming && <Naming mark={mark} onDone={() => { setNaming(false); }} />}
      {mark.hasConflict && <Conflict mark={mark} />}
      {mark.refused && (
        <p className={viewerStyles.obstacle} role="alert">
          {t("marks.refused")}: {mark.refused} <Button size="compact-xs" variant="default" onClick={() => { marks.discard(mark.id); }}>{t("marks.discard")}</Button>
        </p>
      )}
    </li>
  );
}

function Naming({ mark, onDone }: { mark: ShownMark; onDone: () => void }) {
  const { t } = useTranslation("viewer");
  const { marks } = useSession();
  const isWords = mark.kind === "arrow" || mark.kind === "text";
  const before = (isWords ? mark.data.text : mark.data.label) ?? "";
  const [text, setText] = useState(before);
  const save = (): void => {
    if (text !== before) marks.edit(mark.id, { data: { ...mark.data, ...(isWords ? { text } : { label: text }) } });
    onDone();
  };
  return (
    <TextInput
      size="xs"
      autoFocus
      aria-label={t("marks.label")}
      placeholder={t("marks.label")}
      value={text}
      maxLength={200}
      onChange={({ currentTarget }) => { setText(currentTarget.value); }}
      onBlur={save}
      onKeyDown={({ key }) => { if (key === "Enter") save(); else if (key === "Escape") onDone(); }}
    />
  );
}

/** Somebody else was there first: both are there, and one is chosen. */
function Conflict({ mark }: { mark: ShownMark }) {
  const { t } = useTranslation("viewer");
  const { marks } = useSession();
  const conflict = useMarks((state) => state.conflicts[mark.id]);
  if (!conflict) return null;
  const { theirs } = conflict;
  const figures = figuresOf(theirs as unknown as ShownMark)[0] ?? "";
  return (
    <div className={styles.conflict} role="alert">
      <IconAlertTriangle size={15} aria-hidden />
      <span>{t(theirs.is_deleted ? "marks.conflict_deleted" : "marks.conflict", { name: theirs.updated_by ?? "", figures })}</span>
      <Tooltip label={t("marks.keep_mine_hint")}><Button size="compact-xs" variant="default" onClick={() => { marks.resolve(mark.id, true); }}>{t("marks.keep_mine")}</Button></Tooltip>
      <Button size="compact-xs" variant="default" onClick={() => { marks.resolve(mark.id, false); }}>{t("marks.take_theirs")}</Button>
    </div>
  );
}
