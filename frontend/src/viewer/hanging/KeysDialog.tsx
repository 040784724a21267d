/** Which key does what: changed for one's account, and kept there. */

import { Button, Modal, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { acts, keysNow, nameOfKey, writtenKey, type ActName } from "../commands";
import { useChosenKeys } from "../state/keys";
import { detailOf, keepKeys } from "../state/server";
import styles from "./hanging.module.css";

const NAMES = Object.keys(acts) as ActName[];
const BARE = new Set(["Shift", "Control", "Alt", "Meta"]);

const keysOf = (act: ActName): string[] => [...keysNow()].filter(([, name]) => name === act).map(([key]) => key);

export default function KeysDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("viewer");
  const chosen = useChosenKeys((state) => state.chosen);
  const [waiting, setWaiting] = useState<ActName | null>(null);
  const [search, setSearch] = useState("");
  const [trouble, setTrouble] = useState("");
  const put = (next: Readonly<Record<string, readonly string[]>>): void => {
    useChosenKeys.setState({ chosen: next });
    keepKeys(next).then(() => { setTrouble(""); }, (error: unknown) => { setTrouble(detailOf(error)); });
  };
  useEffect(() => {
    if (!waiting) return undefined;
    const onKey = (event: KeyboardEvent): void => {
      if (BARE.has(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      setWaiting(null);
      const key = nameOfKey(event);
      if (event.key === "Escape" || /^[1-9]$/.test(key)) return;
      // Whoever had the key loses it: no key does two things.
      const before = keysNow().get(key);
      const taken = before && before !== waiting ? { [before]: keysOf(before).filter((one) => one !== key) } : {};
      put({ ...useChosenKeys.getState().chosen, ...taken, [waiting]: [key] });
    };
    window.addEventListener("keydown", onKey, true);
    return () => { window.removeEventListener("keydown", onKey, true); };
  }, [waiting]);
  const wanted = search.toLowerCase();
  return (
    <Modal opened onClose={onClose} title={t("keys.title")} size="lg" closeOnEscape={!waiting} closeButtonProps={{ "aria-label": t("close") }}>
      <p className={styles.hint}>{t("keys.hint")}</p>
      {trouble && <p role="alert">{trouble}</p>}
      <TextInput size="xs" mb="sm" aria-label={t("keys.search")} placeholder={t("keys.search")} value={search} onChange={({ currentTarget }) => { setSearch(currentTarget.value); }} />
      <div className={styles.keys}>
        {NAMES.filter((name) => t(`act.${name}`).toLowerCase().includes(wanted)).map((name) => [
          <span key={`${name}/name`}>{t(`act.${name}`)}</span>,
          <Button key={`${name}/key`} size="compact-sm" variant="default" data-waiting={waiting === name || undefined} aria-label={t("keys.change", { name: t(`act.${name}`) })} onClick={() => { setWaiting(name); }}>
            {waiting === name ? t("keys.press") : keysOf(name).map(writtenKey).join(", ") || "–"}
          </Button>,
          <Button key={`${name}/default`} size="compact-xs" variant="subtle" disabled={!(name in chosen)} onClick={() => { put(Object.fromEntries(Object.entries(chosen).filter(([one]) => one !== name))); }}>{t("keys.default")}</Button>,
        ])}
      </div>
      <Button mt="md" size="xs" variant="default" disabled={!Object.keys(chosen).length} onClick={() => { put({}); }}>{t("keys.all_default")}</Button>
    </Modal>
  );
}
