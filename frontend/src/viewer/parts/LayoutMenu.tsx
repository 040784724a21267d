/** How many panes there are, and what they show: a grid of one's choice, or one that has a name. */

import { ActionIcon, Menu, Tooltip, UnstyledButton } from "@mantine/core";
import { IconLayoutGrid } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import { gridLayout, LAYOUT_NAMES, LAYOUTS, MOST_ROWS, seriesFor, type LayoutName } from "../logic/layouts";
import { useSession } from "../session";
import { useProtocols } from "../state/protocols";
import { useViewer, type ViewerState } from "../state/viewerStore";
import styles from "../viewer.module.css";

const SavedLayouts = lazy(() => import("../hanging/SavedLayouts"));

export function LayoutMenu({ size = 34 }: { size?: number }) {
  const { t } = useTranslation("viewer");
  const [isOpen, setOpen] = useState(false);
  const [isManaging, setManaging] = useState(false);
  return (
    <Menu position="bottom-start" returnFocus={false} opened={isOpen} onChange={setOpen}>
      <Menu.Target>
        <Tooltip label={t("tool.layout")} openDelay={350} disabled={isOpen} events={{ hover: true, focus: false, touch: false }}>
          <ActionIcon variant="subtle" color="gray" size={size} aria-label={t("tool.layout")}>
            <IconLayoutGrid size={Math.round(size * 0.58)} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>{isOpen && <><GridPicker onChosen={() => { setOpen(false); }} /><Menu.Divider /><NamedLayouts /><Menu.Divider /><KeptLayouts onManage={() => { setOpen(false); setManaging(true); }} /></>}</Menu.Dropdown>
      <Suspense>{isManaging && <SavedLayouts onClose={() => { setManaging(false); }} />}</Suspense>
    </Menu>
  );
}

const SIDE = Array.from({ length: MOST_ROWS }, (_, place) => place + 1);

function GridPicker({ onChosen }: { onChosen: () => void }) {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const [rows, columns] = [useViewer((state) => state.rows), useViewer((state) => state.columns)];
  const [over, setOver] = useState<readonly [number, number] | null>(null);
  const [shownRows, shownColumns] = over ?? [rows, columns];
  const choose = (row: number, column: number): void => {
    grid.setLayout(gridLayout(row, column));
    onChosen();
  };
  return (
    <div className={styles.gridPicker} role="group" aria-label={t("layout.title")} onPointerLeave={() => { setOver(null); }}>
      {SIDE.flatMap((row) => SIDE.map((column) => (
        <UnstyledButton
          key={`${row}/${column}`}
          aria-label={t("layout.grid", { rows: row, columns: column })}
          aria-pressed={row === rows && column === columns}
          data-in={(row <= shownRows && column <= shownColumns) || undefined}
          onPointerEnter={() => { setOver([row, column]); }}
          onFocus={() => { setOver([row, column]); }}
          onClick={() => { choose(row, column); }}
        />
      )))}
      <span aria-hidden>{t("layout.grid", { rows: shownRows, columns: shownColumns })}</span>
    </div>
  );
}

/** Returns the words that say what a layout wants; "" where all is there. */
function missingFor(name: LayoutName, state: ViewerState): "" | "no_pet" | "no_prior" {
  const current = state.study?.series ?? [];
  const prior = Object.values(state.others)[0]?.series ?? [];
  const lacks = LAYOUTS[name].panes.flatMap(({ series, fusion }) => [series, fusion]).filter((rule) => rule && !seriesFor(rule, current, prior));
  if (!lacks.length) return "";
  return lacks.some((rule) => rule?.study === "prior") ? "no_prior" : "no_pet";
}

function NamedLayouts() {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const state = useViewer.getState();
  return LAYOUT_NAMES.map((name) => {
    const missing = missingFor(name, state);
    return (
      <Menu.Item key={name} disabled={missing !== ""} rightSection={missing && <small>{t(`layout.${missing}`)}</small>} onClick={() => { grid.setLayout(LAYOUTS[name]); }}>
        {t(`layout.${name}`)}
      </Menu.Item>
    );
  });
}

/** Layouts that one or the team has kept. */
function KeptLayouts({ onManage }: { onManage: () => void }) {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const protocols = useProtocols((state) => state.protocols);
  return (
    <>
      {protocols.map((one) => <Menu.Item key={one.id} onClick={() => { grid.setLayout(one.layout); }}>{one.name}</Menu.Item>)}
      <Menu.Item c="dimmed" onClick={onManage}>{t("hanging.manage")}</Menu.Item>
    </>
  );
}
