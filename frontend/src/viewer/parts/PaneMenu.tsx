/** How the active pane shows its series: in which plane, how thick, in which colours, with what over it, linked to what. */

import { ActionIcon, Checkbox, Popover, SegmentedControl, Select, Slider, Tooltip } from "@mantine/core";
import { IconCube } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { SOLID_PRESETS } from "../logic/solidPresets";
import { PLANES, PROJECTIONS, type Links, type Plane, type ProjectionMode } from "../logic/layouts";
import { useSession } from "../session";
import { DEFAULT_FUSION } from "../state/paneGrid";
import { activePane, useViewer, type PaneContent } from "../state/viewerStore";
import styles from "../viewer.module.css";

/** Colour maps that vtk.js knows; the first after grey are told apart also by those who see no red or no green. */
const COLOUR_MAPS = ["Viridis (matplotlib)", "Inferno (matplotlib)", "Black-Body Radiation", "hsv", "jet", "Cool to Warm"];

export function PaneMenu({ size = 34 }: { size?: number }) {
  const { t } = useTranslation("viewer");
  const [isOpen, setOpen] = useState(false);
  const hasSeries = useViewer((state) => activePane(state).seriesUid !== null);
  return (
    <Popover position="bottom-start" opened={isOpen} onChange={setOpen} trapFocus returnFocus={false} withinPortal>
      <Popover.Target>
        <Tooltip label={t("tool.pane")} openDelay={350} disabled={isOpen} events={{ hover: true, focus: false, touch: false }}>
          <ActionIcon variant="subtle" color="gray" size={size} aria-label={t("tool.pane")} aria-expanded={isOpen} disabled={!hasSeries} onClick={() => { setOpen(!isOpen); }}>
            <IconCube size={Math.round(size * 0.58)} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown className={styles.paneMenu} role="dialog" aria-label={t("pane.title")}>{isOpen && <Choices />}</Popover.Dropdown>
    </Popover>
  );
}

function Choices() {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const { kind, plane, projection, preset, colormap } = useViewer(activePane);
  const change = (content: Partial<PaneContent>): void => { grid.change(useViewer.getState().active, content); };
  const chosen = kind === "plane" ? plane : kind;
  const look = (value: string): void => {
    if (value === "stack" || value === "solid") change({ kind: value });
    else change({ kind: "plane", plane: PLANES.find((one) => one === value) ?? ("axial" satisfies Plane) });
  };
  return (
    <>
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label={t("pane.title")}
        value={chosen}
        onChange={look}
        data={[
          { value: "stack", label: t("pane.kind.stack") },
          ...PLANES.map((one) => ({ value: one, label: t(`pane.plane.${one}`) })),
          { value: "solid", label: t("pane.kind.solid") },
        ]}
      />
      {kind === "plane" && <Slab mode={projection.mode} slabMm={projection.slabMm} onChange={(value) => { change({ projection: value }); }} />}
      {kind === "plane" && <FusionChoice onChange={change} />}
      {kind !== "solid" && (
        <Select
          size="xs"
          label={t("pane.colours")}
          value={colormap || "grey"}
          data={[{ value: "grey", label: t("pane.grey") }, ...COLOUR_MAPS]}
          allowDeselect={false}
          comboboxProps={{ withinPortal: false }}
          onChange={(value) => {
            const name = value === "grey" ? "" : (value ?? "");
            change({ colormap: name });
            grid.active.view?.setColormap(name);
          }}
        />
      )}
      {kind === "solid" && (
        <Select size="xs" label={t("pane.preset")} value={preset} data={[...SOLID_PRESETS]} searchable allowDeselect={false} comboboxProps={{ withinPortal: false }} onChange={(value) => { change({ preset: value ?? "" }); }} />
      )}
      <LinkChoices />
    </>
  );
}

const THICKEST_MM = 100;
const WHOLE_MM = 2000;

interface SlabProps {
  mode: ProjectionMode;
  slabMm: number;
  onChange: (projection: { mode: ProjectionMode; slabMm: number }) => void;
}

function Slab({ mode, slabMm, onChange }: SlabProps) {
  const { t } = useTranslation("viewer");
  const isWhole = slabMm >= WHOLE_MM;
  return (
    <>
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label={t("projection.slab")}
        value={mode}
        data={PROJECTIONS.map((one) => ({ value: one, label: t(`projection.${one}`) }))}
        onChange={(value) => { onChange({ mode: PROJECTIONS.find((one) => one === value) ?? "none", slabMm }); }}
      />
      {mode !== "none" && (
        <>
          <label className={styles.split}><span>{t("projection.slab")}</span><b>{isWhole ? t("projection.whole") : t("projection.mm", { value: slabMm })}</b></label>
          <Slider size="sm" min={1} max={THICKEST_MM} label={null} thumbLabel={t("projection.slab")} value={Math.min(slabMm, THICKEST_MM)} disabled={isWhole} onChange={(value) => { onChange({ mode, slabMm: value }); }} />
          <Checkbox size="xs" label={t("projection.whole")} checked={isWhole} onChange={({ currentTarget: { checked } }) => { onChange({ mode, slabMm: checked ? WHOLE_MM : 10 }); }} />
        </>
      )}
    </>
  );
}

function FusionChoice({ onChange }: { onChange: (content: Partial<PaneContent>) => void }) {
  const { t } = useTranslation("viewer");
  const { fusion, seriesUid } = useViewer(activePane);
  const series = useViewer((state) => state.study?.series);
  const choices = (series ?? []).filter((one) => one.is_displayable && one.series_instance_uid !== seriesUid && one.number_of_frames > 2);
  if (!choices.length) return null;
  return (
    <>
      <Select
        size="xs"
        label={t("pane.fusion")}
        value={fusion?.seriesUid ?? "none"}
        data={[{ value: "none", label: t("pane.no_fusion") }, ...choices.map((one) => ({ value: one.series_instance_uid, label: `${one.modality} · ${one.series_description || one.series_number}` }))]}
        allowDeselect={false}
        comboboxProps={{ withinPortal: false }}
        onChange={(value) => { onChange({ fusion: value && value !== "none" ? { ...DEFAULT_FUSION, ...fusion, seriesUid: value } : null }); }}
      />
      {fusion && (
        <Slider size="sm" min={0} max={1} step={0.05} label={null} thumbLabel={t("pane.opacity")} value={fusion.opacity} onChange={(opacity) => { onChange({ fusion: { ...fusion, opacity } }); }} />
      )}
    </>
  );
}

const LINKS: readonly (keyof Links)[] = ["scroll", "window", "place"];

function LinkChoices() {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const links = useViewer((state) => state.links);
  const hasSeveral = useViewer((state) => state.panes.length > 1);
  const [hasReferenceLines, hasCrosshairs] = [useViewer((state) => state.hasReferenceLines), useViewer((state) => state.hasCrosshairs)];
  if (!hasSeveral) return null;
  return (
    <fieldset className={styles.choices}>
      <legend>{t("pane.links")}</legend>
      {LINKS.map((name) => (
        <Checkbox key={name} size="xs" label={t(`pane.link.${name}`)} checked={links[name]} onChange={({ currentTarget: { checked } }) => { grid.setLinks({ [name]: checked }); }} />
      ))}
      <Checkbox size="xs" label={t("pane.reference_lines")} checked={hasReferenceLines} onChange={({ currentTarget: { checked } }) => { useViewer.setState({ hasReferenceLines: checked }); }} />
      <Checkbox size="xs" label={t("pane.crosshairs")} checked={hasCrosshairs} onChange={({ currentTarget: { checked } }) => { useViewer.setState({ hasCrosshairs: checked }); }} />
    </fieldset>
  );
}
