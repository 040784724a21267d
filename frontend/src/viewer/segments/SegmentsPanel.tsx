/** Beside the picture: the segmentation that is open, its segments, and what can be done to them. */

import { ActionIcon, Button, Menu, Select, TextInput } from "@mantine/core";
import { IconDots, IconPlus } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import { ExportMenu } from "../exchange/ExportMenu";
import { useSession } from "../session";
import { useAnalyses } from "../state/analysesStore";
import { rowsOf, useSegments } from "../state/segmentsStore";
import { activeSeriesUid, useViewer } from "../state/viewerStore";
import { SegmentRows } from "./SegmentRows";
import styles from "./segments.module.css";
import { SegmentTools } from "./SegmentTools";
import { WholeSegment } from "./WholeSegment";

const SegmentHistory = lazy(() => import("./SegmentHistory"));

export function SegmentsPanel() {
  const { t } = useTranslation("viewer");
  const { segments: session } = useSession();
  const openId = useSegments((state) => state.openId);
  const trouble = useSegments((state) => state.trouble);
  const [isHistoryOpen, setHistoryOpen] = useState(false);
  return (
    <div className={styles.panel} data-testid="segments-panel">
      <Chooser onHistory={() => { setHistoryOpen(true); }} />
      {trouble && <p role="alert" className={styles.conflict}>{trouble}</p>}
      <Conflict />
      {openId ? <Opened /> : <p className={styles.empty}>{t(session.mayWrite ? "segmentation.none" : "segmentation.none_to_see")}</p>}
      <Suspense>{isHistoryOpen && openId && <SegmentHistory id={openId} onClose={() => { setHistoryOpen(false); }} />}</Suspense>
    </div>
  );
}

function Opened() {
  const { t } = useTranslation("viewer");
  const { segments: session } = useSession();
  const openId = useSegments((state) => state.openId);
  const isOpening = useSegments((state) => state.isOpening);
  const status = useSegments((state) => state.status);
  const hasSegments = useSegments((state) => state.segments.length > 0);
  if (isOpening) return <p className={styles.empty}>{t("segmentation.opening")}</p>;
  return (
    <>
      <div className={styles.row}>
        <span className={styles.status} role="status" data-status={status}>{t(`marks.status.${status}`)}</span>
        {openId && hasSegments && <ExportMenu forms={["seg", "nifti", "json"]} stored="seg" segmentation={openId} />}
        <Button size="compact-sm" variant="light" leftSection={<IconPlus size={15} />} onClick={() => { session.addSegment({ label: t("segmentation.new_name") }); }}>{t("segmentation.add")}</Button>
      </div>
      {hasSegments ? <><SegmentTools /><SegmentRows /><WholeSegment /></> : <p className={styles.empty}>{t("segmentation.no_segments")}</p>}
    </>
  );
}

/** Which segmentation of the series is open, and what is done to it as a whole. */
function Chooser({ onHistory }: { onHistory: () => void }) {
  const { t } = useTranslation("viewer");
  const { segments: session } = useSession();
  const seriesUid = useViewer(activeSeriesUid);
  const rows = useSegments(rowsOf);
  const openId = useSegments((state) => state.openId);
  const [isNaming, setNaming] = useState(false);
  const mask = useAnalyses(({ byJob, shownJob }) => byJob[shownJob]?.analysis.result ?? null);
  const here = rows.filter((row) => row.series_instance_uid === seriesUid);
  const open = here.find((row) => row.id === openId);
  const begin = (from?: string): void => { if (seriesUid) void session.create(seriesUid, t("segmentation.title", { number: here.length + 1 }), from); };
  if (!session.mayWrite && !here.length) return null;
  if (isNaming && open) return <Naming before={open.title} onDone={(title) => { setNaming(false); if (title !== null) void session.rename(title); }} />;
  return (
    <div className={styles.row}>
      {here.length > 0 && (
        <Select size="xs" flex={1} aria-label={t("segmentation.choose")} allowDeselect={false} value={open?.id ?? null} placeholder={t("segmentation.choose")}
          data={here.map((row) => ({ value: row.id, label: row.title || t("segmentation.untitled") }))} onChange={(id) => { if (id) void session.open(id); }} />
      )}
      <Menu position="bottom-end" returnFocus={false}>
        <Menu.Target>
          {here.length ? <ActionIcon variant="subtle" color="gray" aria-label={t("segmentation.more")}><IconDots size={17} /></ActionIcon> : <Button size="xs" disabled={!seriesUid}>{t("segmentation.begin")}</Button>}
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item disabled={!session.mayWrite} onClick={() => { begin(); }}>{t("segmentation.begin_empty")}</Menu.Item>
          <Menu.Item disabled={!mask?.mask || !session.mayWrite} onClick={() => { if (mask) begin(mask.id); }}>{t("segmentation.begin_result")}</Menu.Item>
          {open && (
            <>
              <Menu.Divider />
              <Menu.Item disabled={!session.mayWrite} onClick={() => { setNaming(true); }}>{t("segmentation.rename")}</Menu.Item>
              <Menu.Item onClick={onHistory}>{t("marks.history")}</Menu.Item>
              <Menu.Item onClick={() => { session.close(); }}>{t("segmentation.close")}</Menu.Item>
              <Menu.Item color="red" disabled={!session.mayWrite} onClick={() => { void session.remove(); }}>{t("delete")}</Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}

function Naming({ before, onDone }: { before: string; onDone: (title: string | null) => void }) {
  const { t } = useTranslation("viewer");
  const [title, setTitle] = useState(before);
  const save = (): void => { onDone(title === before ? null : title); };
  return (
    <TextInput size="xs" autoFocus aria-label={t("segmentation.rename")} value={title} maxLength={120} onChange={({ currentTarget }) => { setTitle(currentTarget.value); }} onBlur={save}
      onKeyDown={({ key }) => { if (key === "Enter") save(); else if (key === "Escape") onDone(null); }} />
  );
}

/** Somebody else has changed the same frames: both are there, and one is chosen. */
function Conflict() {
  const { t } = useTranslation("viewer");
  const { segments: session } = useSession();
  const conflict = useSegments((state) => state.conflict);
  if (!conflict) return null;
  return (
    <div className={styles.conflict} role="alert">
      <p>{t("segmentation.conflict", { name: conflict.by, count: conflict.count })}</p>
      <div className={styles.acts}>
        <Button size="compact-xs" variant="default" onClick={() => { session.resolve(true); }}>{t("marks.keep_mine")}</Button>
        <Button size="compact-xs" variant="default" onClick={() => { session.resolve(false); }}>{t("marks.take_theirs")}</Button>
      </div>
    </div>
  );
}
