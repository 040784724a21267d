/** The tools that are not needed every minute. */

import { ActionIcon, Kbd, Menu, Tooltip } from "@mantine/core";
import {
  IconAngle, IconArrowNarrowDown, IconBoxMargin, IconCircle, IconCircleDashed, IconCrosshair, IconEraser, IconGeometry, IconKey, IconLetterT, IconOvalVertical, IconPencil,
  IconRectangle, IconRuler2, IconVectorSpline, IconZoomScan, type Icon,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { acts, keyOf, type ActName } from "../commands";
import { useSession } from "../session";
import { useViewer } from "../state/viewerStore";

export const MORE_TOOLS: readonly { name: ActName; icon: Icon }[] = [
  { name: "length", icon: IconRuler2 },
  { name: "bidirectional", icon: IconGeometry },
  { name: "angle", icon: IconAngle },
  { name: "cobb", icon: IconBoxMargin },
  { name: "ellipse", icon: IconOvalVertical },
  { name: "circle", icon: IconCircle },
  { name: "rectangle", icon: IconRectangle },
  { name: "freehand", icon: IconPencil },
  { name: "spline", icon: IconVectorSpline },
  { name: "arrow", icon: IconArrowNarrowDown },
  { name: "text", icon: IconLetterT },
  { name: "probe", icon: IconCrosshair },
  { name: "windowRegion", icon: IconCircleDashed },
  { name: "magnify", icon: IconZoomScan },
  { name: "eraser", icon: IconEraser },
  { name: "key", icon: IconKey },
];

export function ToolMenu({ size = 34 }: { size?: number }) {
  const { t } = useTranslation("viewer");
  const session = useSession();
  const tool = useViewer((state) => state.tool);
  const active = MORE_TOOLS.find(({ name }) => name === tool);
  const { icon: Shown } = active ?? { icon: IconGeometry };
  return (
    <Menu position="bottom-start" returnFocus={false}>
      <Menu.Target>
        <Tooltip label={t("tool.measure")} openDelay={350} events={{ hover: true, focus: false, touch: false }}>
          <ActionIcon variant={active ? "filled" : "subtle"} color={active ? undefined : "gray"} size={size} aria-label={t("tool.measure")}>
            <Shown size={Math.round(size * 0.58)} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown mah="70dvh" style={{ overflowY: "auto" }}>
        {MORE_TOOLS.map(({ name, icon: IconShape }) => (
          <Menu.Item key={name} leftSection={<IconShape size={18} stroke={1.6} />} rightSection={keyOf(name) && <Kbd size="xs">{keyOf(name)}</Kbd>} fw={tool === name ? 700 : undefined} onClick={() => { acts[name](session); }}>
            {t(`tool.${name}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
