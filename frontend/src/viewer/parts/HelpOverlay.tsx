/** Keys and gestures at a glance. */

import { Button, Kbd, Modal } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import { useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";

const KeysDialog = lazy(() => import("../hanging/KeysDialog"));

const KEYS: readonly (readonly [string, string])[] = [
  ["↓ ↑", "scroll"],
  ["PgDn PgUp", "jump"],
  ["Home End", "ends"],
  ["[ ]", "series"],
  ["1 … 9", "presets"],
  ["S W Z P L", "tools"],
  ["I", "invert"],
  ["F", "fit"],
  ["R Space", "reset"],
  ["C", "cine"],
  ["0 G", "layouts"],
  [", . Enter", "panes"],
  ["X K", "lines"],
  ["< >", "phases"],
  ["⇧B ⇧R", "segments"],
  ["{ }", "brush"],
  ["H", "map"],
  ["N B", "finding"],
  ["V", "look"],
  ["O", "texts"],
  ["Ctrl+Z Ctrl+⇧+Z", "undo"],
  ["Del", "delete"],
  ["?", "help"],
];
const GESTURES = ["drag", "right", "middle", "shift", "wheel"] as const;

export function HelpOverlay() {
  const { t } = useTranslation("viewer");
  const isOpen = useViewer((state) => state.isHelpOpen);
  const [isEditing, setEditing] = useState(false);
  if (isEditing) return <Suspense><KeysDialog onClose={() => { setEditing(false); }} /></Suspense>;
  return (
    <Modal opened={isOpen} onClose={() => { useViewer.setState({ isHelpOpen: false }); }} title={t("help.title")} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
      <Button size="xs" variant="default" mb="sm" onClick={() => { useViewer.setState({ isHelpOpen: false }); setEditing(true); }}>{t("keys.title")}</Button>
      <div className={styles.help}>
        <section>
          <h3>{t("help.keys")}</h3>
          <dl>
            {KEYS.map(([keys, name]) => (
              <div key={name}>
                <dt>{keys.split(" ").map((key) => (key === "…" ? key : <Kbd key={key} size="xs">{key}</Kbd>))}</dt>
                <dd>{t(`help.${name}`)}</dd>
              </div>
            ))}
          </dl>
        </section>
        <section>
          <h3>{t("help.gestures")}</h3>
          <ul>{GESTURES.map((name) => <li key={name}>{t(`help.${name}`)}</li>)}</ul>
        </section>
      </div>
    </Modal>
  );
}
