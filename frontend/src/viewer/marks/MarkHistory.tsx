/** Who has made what of a mark, and when; any state can be brought back. */

import { Button, Loader, Modal } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { localTime } from "../logic/format";
import { figuresOf, type MarkContent } from "../logic/marks";
import { useSession } from "../session";
import { useMarks } from "../state/marksStore";
import { detailOf, fetchMarkHistory } from "../state/server";
import type { MarkRevision } from "../state/shapes";
import styles from "./marks.module.css";

export default function MarkHistory({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation("viewer");
  const { team, studyUid, marks } = useSession();
  const revision = useMarks((state) => state.rows[id]?.revision ?? 0);
  const [history, setHistory] = useState<readonly MarkRevision[] | null>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let isOver = false;
    fetchMarkHistory(team, studyUid, id).then(
      (found) => { if (!isOver) setHistory([...found].sort((a, b) => b.revision - a.revision)); },
      (error: unknown) => { if (!isOver) setTrouble(detailOf(error)); },
    );
    return () => { isOver = true; };
  }, [team, studyUid, id, revision]);
  const restore = async (to: number): Promise<void> => { setTrouble(await marks.restore(id, to)); };
  return (
    <Modal opened onClose={onClose} title={t("marks.history")} size="md" closeButtonProps={{ "aria-label": t("close") }}>
      {trouble && <p role="alert">{trouble}</p>}
      {!history && !trouble && <Loader size="sm" />}
      <ol className={styles.history}>
        {history?.map((one) => (
          <li key={one.revision}>
            <span><b>{t(`marks.act.${one.act}`)}</b> <small>{localTime(one.at)} · {one.author ?? "–"}</small></span>
            <span>{figuresOf(one.mark as unknown as MarkContent)[0]} {(one.mark as unknown as MarkContent).data.label ?? (one.mark as unknown as MarkContent).data.text}</span>
            {one.revision !== revision && one.act !== "deleted" && <Button size="compact-xs" variant="default" onClick={() => { void restore(one.revision); }}>{t("marks.restore")}</Button>}
          </li>
        ))}
      </ol>
    </Modal>
  );
}
