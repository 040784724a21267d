/** The windows that the number keys stand for. */

import { ActionIcon, Kbd, Menu, Tooltip } from "@mantine/core";
import { IconAdjustmentsHorizontal } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useShallow } from "zustand/react/shallow";

import { presetsOf } from "../commands";
import { sameWindow, type WindowPreset } from "../logic/windows";
import { useSession } from "../session";
import { useViewer } from "../state/viewerStore";

/** Compared by what they say: each frame brings presets of its own making. */
const usePresets = (): WindowPreset[] => {
  const texts = useViewer(useShallow((state) => presetsOf(state).map((preset) => JSON.stringify(preset))));
  return texts.map((text) => JSON.parse(text) as WindowPreset);
};

export function PresetMenu({ size = 34 }: { size?: number }) {
  const { t } = useTranslation("viewer");
  const session = useSession();
  const presets = usePresets();
  const window = useViewer((state) => state.view?.window);
  return (
    <Menu position="bottom-start" withinPortal returnFocus={false}>
      <Menu.Target>
        <Tooltip label={t("tool.presets")} openDelay={350}>
          <ActionIcon variant="subtle" color="gray" size={size} aria-label={t("tool.presets")} disabled={!presets.length || !window}>
            <IconAdjustmentsHorizontal size={Math.round(size * 0.58)} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {presets.map((preset, index) => (
          <Menu.Item
            key={`${preset.name}${index}`}
            fw={window && sameWindow(window, preset) ? 700 : undefined}
            rightSection={<Kbd size="xs">{index + 1}</Kbd>}
            onClick={() => session.stack.view?.setWindow(preset)}
          >
            {preset.explanation || t(`window.${preset.name}`)} <small>{preset.width} / {preset.center}</small>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
