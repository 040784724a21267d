/** The bar at the top: the way back, the tools, help. On a phone only the way back and the panels. */

import { ActionIcon } from "@mantine/core";
import {
  IconArrowLeft, IconArrowsMaximize, IconArrowsMove, IconBrightnessHalf, IconContrast2, IconFlipVertical,
  IconHelp, IconLayoutSidebar, IconReportAnalytics, IconRestore, IconRotateClockwise, IconRuler2, IconArrowBackUp, IconArrowForwardUp,
  IconStack2, IconTypography, IconZoomIn, type Icon,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { acts, keyOf, type ActName } from "../commands";
import { personName } from "../logic/format";
import { useClose, useSession } from "../session";
import { useSegments } from "../state/segmentsStore";
import { activePane, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { CineControl } from "./CineControl";
import { LayoutMenu } from "./LayoutMenu";
import { PaneMenu } from "./PaneMenu";
import { PresetMenu } from "./PresetMenu";
import { ToolMenu } from "./ToolMenu";
import { ToolButton } from "./ToolButton";

export const TOOLS: readonly { name: ActName & ("scroll" | "window" | "zoom" | "pan" | "length"); icon: Icon }[] = [
  { name: "scroll", icon: IconStack2 },
  { name: "window", icon: IconBrightnessHalf },
  { name: "zoom", icon: IconZoomIn },
  { name: "pan", icon: IconArrowsMove },
  { name: "length", icon: IconRuler2 },
];

export const VIEW_ACTS: readonly { name: ActName & ("invert" | "fit" | "reset" | "rotate" | "flip" | "overlays"); icon: Icon }[] = [
  { name: "invert", icon: IconContrast2 },
  { name: "fit", icon: IconArrowsMaximize },
  { name: "reset", icon: IconRestore },
  { name: "rotate", icon: IconRotateClockwise },
  { name: "flip", icon: IconFlipVertical },
  { name: "overlays", icon: IconTypography },
];

export function Toolbar({ isNarrow }: { isNarrow: boolean }) {
  const { t } = useTranslation("viewer");
  const close = useClose();
  return (
    <header className={styles.toolbar}>
      <ActionIcon variant="subtle" color="gray" size={34} aria-label={t("back")} title={t("back")} onClick={close}>
        <IconArrowLeft size={20} stroke={1.6} />
      </ActionIcon>
      <Title />
      {isNarrow ? <PanelButtons /> : <Tools />}
    </header>
  );
}

function Title() {
  const { t, i18n } = useTranslation("viewer");
  const study = useViewer((state) => state.study);
  return (
    <div className={styles.title}>
      <strong>{study && (personName(study.patient_name, i18n.language) || study.patient_id || t("no_name"))}</strong>
      <span>{study?.study_description}</span>
      {study?.is_synthetic && <span className={styles.synthetic} title={t("synthetic_hint")}>{t("synthetic")}</span>}
    </div>
  );
}

function Tools() {
  const { t } = useTranslation("viewer");
  const session = useSession();
  const isPainting = useSegments((state) => state.tool !== null);
  const tool = useViewer((state) => (isPainting ? null : state.tool));
  const isInverted = useViewer((state) => activePane(state).view?.isInverted);
  const hasOverlays = useViewer((state) => state.hasOverlays);
  const isActive: Partial<Record<ActName, boolean | undefined>> = { invert: isInverted, overlays: hasOverlays };
  return (
    <div className={styles.tools} role="toolbar" aria-label={t("tools")}>
      {TOOLS.map(({ name, icon }) => (
        <ToolButton key={name} label={t(`tool.${name}`)} icon={icon} hotkey={keyOf(name)} isActive={tool === name} onClick={() => { acts[name](session); }} />
      ))}
      <ToolMenu />
      <i className={styles.divider} />
      <LayoutMenu />
      <PaneMenu />
      <PresetMenu />
      {VIEW_ACTS.map(({ name, icon }) => (
        <ToolButton key={name} label={t(`tool.${name}`)} icon={icon} hotkey={keyOf(name)} isActive={isActive[name]} onClick={() => { acts[name](session); }} />
      ))}
      <i className={styles.divider} />
      <CineControl />
      <i className={styles.divider} />
      <UndoButtons />
      <span className={styles.spring} />
      <ToolButton label={t("tool.help")} icon={IconHelp} hotkey="?" onClick={() => { acts.help(); }} />
    </div>
  );
}

function UndoButtons() {
  const { t } = useTranslation("viewer");
  const session = useSession();
  const canUndo = useViewer((state) => state.canUndo);
  const canRedo = useViewer((state) => state.canRedo);
  return (
    <>
      <ToolButton label={t("tool.undo")} icon={IconArrowBackUp} hotkey="Ctrl Z" isDisabled={!canUndo} onClick={() => { acts.undo(session); }} />
      <ToolButton label={t("tool.redo")} icon={IconArrowForwardUp} hotkey="Ctrl ⇧ Z" isDisabled={!canRedo} onClick={() => { acts.redo(session); }} />
    </>
  );
}

function PanelButtons() {
  const { t } = useTranslation("viewer");
  return (
    <>
      <span className={styles.spring} />
      <ToolButton label={t("series")} icon={IconLayoutSidebar} size={40} onClick={() => { useViewer.setState({ drawer: "series" }); }} />
      <ToolButton label={t("results")} icon={IconReportAnalytics} size={40} onClick={() => { useViewer.setState({ drawer: "results" }); }} />
    </>
  );
}
