/** The tools within the thumb's reach. */

import { ActionIcon, Menu } from "@mantine/core";
import { IconDots, IconArrowBackUp, IconArrowForwardUp } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { acts } from "../commands";
import { useSession } from "../session";
import { useSegments } from "../state/segmentsStore";
import { useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { CineControl } from "./CineControl";
import { LayoutMenu } from "./LayoutMenu";
import { PaneMenu } from "./PaneMenu";
import { PresetMenu } from "./PresetMenu";
import { ToolMenu } from "./ToolMenu";
import { ToolButton } from "./ToolButton";
import { TOOLS, VIEW_ACTS } from "./Toolbar";

const SIZE = 44;

export function PhoneBar() {
  const { t } = useTranslation("viewer");
  const session = useSession();
  const isPainting = useSegments((state) => state.tool !== null);
  const tool = useViewer((state) => (isPainting ? null : state.tool));
  return (
    <nav className={styles.phoneBar} aria-label={t("tools")}>
      {TOOLS.filter(({ name }) => name !== "zoom").map(({ name, icon }) => (
        <ToolButton key={name} label={t(`tool.${name}`)} icon={icon} isActive={tool === name} size={SIZE} onClick={() => { acts[name](session); }} />
      ))}
      <ToolMenu size={SIZE} />
      <LayoutMenu size={SIZE} />
      <PaneMenu size={SIZE} />
      <PresetMenu size={SIZE} />
      <CineControl size={SIZE} />
      <Menu position="top-end" returnFocus={false}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size={SIZE} aria-label={t("tool.more")}><IconDots size={24} /></ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {VIEW_ACTS.map(({ name, icon: IconShape }) => (
            <Menu.Item key={name} leftSection={<IconShape size={18} stroke={1.6} />} onClick={() => { acts[name](session); }}>{t(`tool.${name}`)}</Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item leftSection={<IconArrowBackUp size={18} />} onClick={() => { acts.undo(session); }}>{t("tool.undo")}</Menu.Item>
          <Menu.Item leftSection={<IconArrowForwardUp size={18} />} onClick={() => { acts.redo(session); }}>{t("tool.redo")}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </nav>
  );
}
