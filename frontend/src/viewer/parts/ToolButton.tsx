/** An icon with its name and key. */

import { ActionIcon, Kbd, Tooltip } from "@mantine/core";
import type { Icon } from "@tabler/icons-react";

interface ToolButtonProps {
  label: string;
  icon: Icon;
  hotkey?: string | undefined;
  isActive?: boolean | undefined;
  isDisabled?: boolean | undefined;
  size?: number | undefined;
  onClick: () => void;
}

export function ToolButton({ label, icon: IconShape, hotkey, isActive, isDisabled, size = 34, onClick }: ToolButtonProps) {
  return (
    <Tooltip label={<>{label}{hotkey && <> <Kbd size="xs">{hotkey}</Kbd></>}</>} openDelay={350} events={{ hover: true, focus: false, touch: false }}>
      <ActionIcon
        variant={isActive ? "filled" : "subtle"}
        color={isActive ? undefined : "gray"}
        size={size}
        aria-label={label}
        aria-pressed={isActive}
        disabled={isDisabled}
        onClick={(event) => {
          onClick();
          // The keys belong to the picture again, also after a click with the mouse.
          if (event.detail > 0) event.currentTarget.blur();
        }}
      >
        <IconShape size={Math.round(size * 0.58)} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  );
}
