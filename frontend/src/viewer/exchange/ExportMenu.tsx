/** Hands out what has been drawn, as files, or puts it into the archive as DICOM objects. */

import { ActionIcon, Menu } from "@mantine/core";
import { IconFileExport } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useSession } from "../session";
import { mayAnnotate } from "../state/rights";
import { detailOf, exportUrl, storeAnnotations, type ExportForm } from "../state/server";
import styles from "../viewer.module.css";

interface Props {
  forms: readonly ExportForm[];
  /** What can be put into the archive. */
  stored: "sr" | "seg";
  segmentation?: string | undefined;
}

export function ExportMenu({ forms, stored, segmentation }: Props) {
  const { t } = useTranslation("viewer");
  const { team, studyUid } = useSession();
  const [told, setTold] = useState("");
  const put = async (): Promise<void> => {
    setTold(t("exchange.storing"));
    await storeAnnotations(team, studyUid, { form: stored, ...(segmentation && { segmentation }) }).then(
      (objects) => { setTold(t(objects.some(({ status }) => status === "stored") ? "exchange.stored" : "exchange.known")); },
      (error: unknown) => { setTold(detailOf(error)); },
    );
  };
  return (
    <>
      <Menu position="bottom-end" returnFocus={false}>
        <Menu.Target><ActionIcon variant="subtle" color="gray" size="sm" aria-label={t("exchange.export")} title={t("exchange.export")}><IconFileExport size={16} /></ActionIcon></Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{t("exchange.download")}</Menu.Label>
          {forms.map((form) => <Menu.Item key={form} component="a" href={exportUrl(team, studyUid, form, segmentation)} download>{t(`exchange.form.${form}`)}</Menu.Item>)}
          {mayAnnotate(team) && (
            <>
              <Menu.Divider />
              <Menu.Item onClick={() => { void put(); }}>{t(`exchange.store.${stored}`)}</Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {told && <span className={styles.told} role="status">{told}</span>}
    </>
  );
}
