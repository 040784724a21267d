/** Plays the series as a film, at a speed of one's choice. */

import { Menu, UnstyledButton } from "@mantine/core";
import { IconPlayerPauseFilled, IconPlayerPlayFilled } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { changeCine, toggleCine } from "../commands";
import { activeFrames, activePane, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { ToolButton } from "./ToolButton";

const SPEEDS = [5, 10, 15, 20, 30];

export function CineControl({ size = 34 }: { size?: number }) {
  const { t } = useTranslation("viewer");
  const { isPlaying, framesPerSecond } = useViewer((state) => activePane(state).cine);
  const isFilm = useViewer((state) => activeFrames(state).length > 1);
  const isOneImage = useViewer((state) => activeFrames(state).length === 1);
  const choose = (speed: number): void => { changeCine({ framesPerSecond: speed }); };
  if (isOneImage) return null;
  return (
    <>
      <ToolButton label={t(isPlaying ? "tool.pause" : "tool.cine")} icon={isPlaying ? IconPlayerPauseFilled : IconPlayerPlayFilled} hotkey="C" isDisabled={!isFilm} size={size} onClick={toggleCine} />
      <Menu position="bottom" returnFocus={false}>
        <Menu.Target>
          <UnstyledButton className={styles.speed} aria-label={t("tool.speed", { count: framesPerSecond })} disabled={!isFilm}>{framesPerSecond}/s</UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          {SPEEDS.map((speed) => (
            <Menu.Item key={speed} fw={speed === framesPerSecond ? 700 : undefined} onClick={() => { choose(speed); }}>{t("tool.speed", { count: speed })}</Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
