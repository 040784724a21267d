/** The header of the image that is looked at: every element, to be searched. */

import { Loader, Modal, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { useSession } from "../session";
import { detailOf, fetchTags } from "../state/server";
import type { TagRow } from "../state/shapes";
import { activePane, shownFrameOf, useViewer } from "../state/viewerStore";
import styles from "./exchange.module.css";

const MOST_SHOWN = 600;

export default function TagsDialog() {
  const { t } = useTranslation("viewer");
  const { team, studyUid } = useSession();
  const uid = useViewer((state) => shownFrameOf(state, activePane(state))?.sopInstanceUid ?? "");
  const [rows, setRows] = useState<readonly TagRow[] | null>(null);
  const [trouble, setTrouble] = useState("");
  const [search, setSearch] = useState("");
  useEffect(() => {
    if (!uid) return undefined;
    let isOver = false;
    fetchTags(team, studyUid, uid).then((found) => { if (!isOver) setRows(found); }, (error: unknown) => { if (!isOver) setTrouble(detailOf(error)); });
    return () => { isOver = true; };
  }, [team, studyUid, uid]);
  const wanted = search.trim().toLowerCase();
  const digits = wanted.replace(/[(),\s]/g, "");
  const fits = ({ tag, keyword, value }: TagRow): boolean =>
    keyword.toLowerCase().includes(wanted) || value.toLowerCase().includes(wanted) || (digits !== "" && tag.replace(/[(),]/g, "").toLowerCase().startsWith(digits));
  const found = rows?.filter((row) => !wanted || fits(row)) ?? [];
  return (
    <Modal opened onClose={() => { useViewer.setState({ areTagsOpen: false }); }} size="xl" title={t("tags.title")} closeButtonProps={{ "aria-label": t("close") }}>
      <TextInput size="sm" mb="sm" data-autofocus aria-label={t("tags.search")} placeholder={t("tags.search")} value={search} onChange={({ currentTarget }) => { setSearch(currentTarget.value); }} />
      {trouble && <p role="alert">{trouble}</p>}
      {!rows && !trouble && <Loader size="sm" />}
      {rows && !found.length && <p>{t("tags.none")}</p>}
      <div className={styles.tags} tabIndex={0} role="region" aria-label={t("tags.title")}>
        <table>
          <thead><tr><th>{t("tags.tag")}</th><th>{t("tags.name")}</th><th>VR</th><th>{t("tags.value")}</th></tr></thead>
          <tbody>
            {found.slice(0, MOST_SHOWN).map((row, place) => (
              <tr key={place}><td>{row.tag}</td><td style={{ paddingInlineStart: `${8 + row.depth * 12}px` }}>{row.tag ? row.keyword : t("tags.item", { number: row.keyword })}</td><td>{row.vr}</td><td>{row.value}</td></tr>
            ))}
          </tbody>
        </table>
      </div>
      {found.length > MOST_SHOWN && <p>{t("tags.more", { count: found.length - MOST_SHOWN })}</p>}
    </Modal>
  );
}
