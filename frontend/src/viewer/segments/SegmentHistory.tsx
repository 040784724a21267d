/** Who has done what to a segmentation, and when; any state can be brought back. */

import { Button, Loader, Modal } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { localTime } from "../logic/format";
import markStyles from "../marks/marks.module.css";
import { useSession } from "../session";
import { useSegments } from "../state/segmentsStore";
import { detailOf, fetchSegmentationHistory } from "../state/server";
import type { SegmentationRevision } from "../state/shapes";

export default function SegmentHistory({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation("viewer");
  const { team, studyUid, segments } = useSession();
  const revision = useSegments((state) => state.rows[id]?.revision ?? 0);
  const [history, setHistory] = useState<readonly SegmentationRevision[] | null>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let isOver = false;
    fetchSegmentationHistory({ team, study_uid: studyUid, segmentation_id: id }).then(
      (found) => { if (!isOver) setHistory(found); },
      (error: unknown) => { if (!isOver) setTrouble(detailOf(error)); },
    );
    return () => { isOver = true; };
  }, [team, studyUid, id, revision]);
  const restore = async (to: number): Promise<void> => { setTrouble(await segments.restore(to)); };
  return (
    <Modal opened onClose={onClose} title={t("marks.history")} size="md" closeButtonProps={{ "aria-label": t("close") }}>
      {trouble && <p role="alert">{trouble}</p>}
      {!history && !trouble && <Loader size="sm" />}
      <ol className={markStyles.history}>
        {history?.map((one) => (
          <li key={one.revision}>
            <span><b>{t(`segmentation.did.${one.act}`, { defaultValue: one.act })}</b> <small>{localTime(one.at)} · {one.author ?? "–"}</small></span>
            <span>{t("segmentation.touched", { segments: one.segments.length, count: one.number_of_frames })}</span>
            {one.revision !== revision && segments.mayWrite && <Button size="compact-xs" variant="default" onClick={() => { void restore(one.revision); }}>{t("marks.restore")}</Button>}
          </li>
        ))}
      </ol>
    </Modal>
  );
}
