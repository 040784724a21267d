/** What can be done where the right button was clicked, or a finger rested. */

import { Menu } from "@mantine/core";
import { create } from "zustand";
import { useTranslation } from "react-i18next";

import { acts, perform, presetsOf, type ActName } from "../commands";
import { useSession } from "../session";
import { marksOf, useMarks } from "../state/marksStore";
import { activeFrames, activePane, useViewer } from "../state/viewerStore";
import { stackOf } from "../logic/frames";
import styles from "./marks.module.css";

interface Place {
  at: { x: number; y: number } | null;
  markId: string | null;
}

export const useContextMenu = create<Place>()(() => ({ at: null, markId: null }));

const TOOLS: readonly ActName[] = ["scroll", "window", "length", "bidirectional", "ellipse", "arrow", "probe"];

export function ContextMenu() {
  const { t } = useTranslation("viewer");
  const session = useSession();
  const { at, markId } = useContextMenu();
  const mark = useMarks((state) => marksOf(state).find((one) => one.id === markId));
  if (!at) return null;
  const close = (): void => { useContextMenu.setState({ at: null }); };
  const does = (name: ActName) => (): void => { acts[name](session); };
  const presets = presetsOf(useViewer.getState());
  return (
    <Menu opened onChange={(isOpen) => { if (!isOpen) close(); }} position="bottom-start" offset={0} withinPortal trapFocus
      // A finger that has opened the menu by resting must not close it by being lifted.
      clickOutsideEvents={["pointerdown"]} middlewares={{ flip: false, shift: { mainAxis: true, crossAxis: true, padding: 8 } }}>
      <Menu.Target><i className={styles.menuAnchor} style={{ left: at.x, top: at.y }} /></Menu.Target>
      <Menu.Dropdown mah="80dvh" style={{ overflowY: "auto" }} data-testid="context-menu">
        {mark && (
          <>
            <Menu.Label>{mark.data.text || mark.data.label || t(`marks.kind.${mark.kind}`)}</Menu.Label>
            <Menu.Item onClick={() => { session.marks.edit(mark.id, { is_hidden: true }); }}>{t("marks.hide")}</Menu.Item>
            <Menu.Item onClick={() => { session.marks.edit(mark.id, { is_locked: !mark.is_locked }); }}>{t(mark.is_locked ? "marks.unlock" : "marks.lock")}</Menu.Item>
            <Menu.Item color="red" disabled={mark.is_locked} onClick={() => { session.marks.remove([mark.id]); }}>{t("delete")}</Menu.Item>
            <Menu.Divider />
          </>
        )}
        {TOOLS.map((name) => <Menu.Item key={name} onClick={does(name)}>{t(`tool.${name}`)}</Menu.Item>)}
        <Menu.Divider />
        {presets.map((preset, place) => (
          <Menu.Item key={`${preset.name}${place}`} rightSection={<small>{preset.width} / {preset.center}</small>} onClick={() => { perform(session, place + 2); }}>
            {preset.explanation || t(`window.${preset.name}`)}
          </Menu.Item>
        ))}
        <Menu.Item onClick={does("reset")}>{t("tool.reset")}</Menu.Item>
        <Menu.Item onClick={does("invert")}>{t("tool.invert")}</Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={does("key")}>{t("tool.key")}</Menu.Item>
        <Menu.Item onClick={does("tags")}>{t("act.tags")}</Menu.Item>
        <Menu.Item onClick={() => { void copyLink(); }}>{t("marks.copy_link")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Puts the address of the image that is looked at on the clipboard. */
async function copyLink(): Promise<void> {
  const state = useViewer.getState();
  const pane = activePane(state);
  const address = new URL(window.location.href);
  address.search = "";
  if (pane.seriesUid) address.searchParams.set("series", pane.seriesUid);
  const frame = activeFrames(state)[pane.index];
  const slice = frame ? stackOf(activeFrames(state)).indexOf(frame) : -1;
  if (slice >= 0) address.searchParams.set("slice", String(slice));
  await navigator.clipboard.writeText(address.href);
}
