/** The windows that the number keys stand for. */

import { ActionIcon, Kbd, Menu, Tooltip } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconAdjustmentsHorizontal } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { perform, presetsOf } from "../commands";
import { sameWindow, type WindowPreset } from "../logic/windows";
import { useSession } from "../session";
import { activePane, useViewer } from "../state/viewerStore";

export function PresetMenu({ size = 34 }: { size?: number }) {
  const { t } = useTranslation("viewer");
  const [isOpen, setOpen] = useState(false);
  const isGrey = useViewer((state) => Boolean(activePane(state).view?.window));
  return (
    <Menu position="bottom-start" returnFocus={false} opened={isOpen} onChange={setOpen}>
      <Menu.Target>
        <Tooltip label={t("tool.presets")} openDelay={350} disabled={isOpen} events={{ hover: true, focus: false, touch: false }}>
          <ActionIcon variant="subtle" color="gray" size={size} aria-label={t("tool.presets")} disabled={!isGrey}>
            <IconAdjustmentsHorizontal size={Math.round(size * 0.58)} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>{isOpen && <Presets />}</Menu.Dropdown>
    </Menu>
  );
}

function Presets() {
  const { t } = useTranslation("viewer");
  const presets = presetsOf(useViewer.getState());
  return (
    <>
      <PresetItem number={1} label={t("window.own")} />
      {presets.map((preset, index) => (
        <PresetItem key={`${preset.name}${index}`} number={index + 2} label={preset.explanation || t(`window.${preset.name}`)} preset={preset} />
      ))}
    </>
  );
}

function PresetItem({ number, label, preset }: { number: number; label: string; preset?: WindowPreset }) {
  const session = useSession();
  const window = useViewer((state) => activePane(state).view?.window);
  const hasKeys = useMediaQuery("(pointer: fine)", true, { getInitialValueInEffect: false });
  return (
    <Menu.Item
      fw={preset && window && sameWindow(window, preset) ? 700 : undefined}
      rightSection={hasKeys && <Kbd size="xs">{number}</Kbd>}
      onClick={() => { perform(session, number); }}
    >
      {label} {preset && <small>{preset.width} / {preset.center}</small>}
    </Menu.Item>
  );
}
