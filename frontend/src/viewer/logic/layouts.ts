/** Layouts as values: how many panes there are, and what each of them shows. Hanging protocols keep them as they are here. */

import type { Window } from "./windows";

/** Pictures as they were taken; a plane cut through a volume; the volume itself, lit. */
export type PaneKind = "stack" | "plane" | "solid";

export const PLANES = ["axial", "coronal", "sagittal"] as const;
export type Plane = (typeof PLANES)[number];

/** What of a thick slab is seen. */
export const PROJECTIONS = ["none", "max", "min", "mean"] as const;
export type ProjectionMode = (typeof PROJECTIONS)[number];

export interface Projection {
  mode: ProjectionMode;
  slabMm: number;
}

/** Which series of the open study, or of one before it, goes into a pane: the first that fits. */
export interface SeriesRule {
  study: "current" | "prior";
  /** "": any. */
  modality: string;
  /** A part of the series description, in any case; "": any. */
  description: string;
  /** Of those that fit, which one, from 0. */
  place: number;
}

export interface PaneSpec {
  kind: PaneKind;
  plane: Plane;
  projection: Projection;
  /** A second series over the first one, as PET over CT. */
  fusion: SeriesRule | null;
  /** null: the pane is left empty, or keeps what it has. */
  series: SeriesRule | null;
  window: Window | null;
}

export interface Links {
  /** Panes of series that lie side by side scroll together. */
  scroll: boolean;
  window: boolean;
  /** Place and size. */
  place: boolean;
}

export interface Layout {
  rows: number;
  columns: number;
  panes: readonly PaneSpec[];
  links: Links;
}

export const MOST_ROWS = 4;
export const NO_PROJECTION: Projection = { mode: "none", slabMm: 10 };
export const NO_LINKS: Links = { scroll: false, window: false, place: false };

const ANY: SeriesRule = { study: "current", modality: "", description: "", place: 0 };
const STACK: PaneSpec = { kind: "stack", plane: "axial", projection: NO_PROJECTION, fusion: null, series: null, window: null };

/** Returns a plain grid, one series in each pane as they come. */
export function gridLayout(rows: number, columns: number): Layout {
  const panes = Array.from({ length: rows * columns }, (_, place): PaneSpec => ({ ...STACK, series: { ...ANY, place } }));
  return { rows, columns, panes, links: NO_LINKS };
}

const planePane = (plane: Plane, change: Partial<PaneSpec> = {}): PaneSpec => ({ ...STACK, kind: "plane", plane, ...change });

export const LAYOUT_NAMES = ["mpr", "mpr_solid", "mpr_row", "mip", "solid", "fusion", "prior"] as const;
export type LayoutName = (typeof LAYOUT_NAMES)[number];

const CT: SeriesRule = { ...ANY, modality: "CT" };
const PET: SeriesRule = { ...ANY, modality: "PT" };
const whole: Projection = { mode: "max", slabMm: 2000 };

/** Layouts that everybody has. Panes without a series take the open one. */
export const LAYOUTS: Readonly<Record<LayoutName, Layout>> = {
  mpr: { rows: 1, columns: 3, panes: [planePane("axial"), planePane("coronal"), planePane("sagittal")], links: NO_LINKS },
  mpr_solid: {
    rows: 2,
    columns: 2,
    panes: [planePane("axial"), planePane("sagittal"), planePane("coronal"), { ...STACK, kind: "solid" }],
    links: NO_LINKS,
  },
  mpr_row: { rows: 1, columns: 2, panes: [STACK, planePane("coronal")], links: NO_LINKS },
  mip: { rows: 1, columns: 1, panes: [planePane("coronal", { projection: whole })], links: NO_LINKS },
  solid: { rows: 1, columns: 1, panes: [{ ...STACK, kind: "solid" }], links: NO_LINKS },
  fusion: {
    rows: 2,
    columns: 2,
    panes: [
      planePane("axial", { series: CT }),
      planePane("axial", { series: PET }),
      planePane("axial", { series: CT, fusion: PET }),
      planePane("coronal", { series: PET, projection: whole }),
    ],
    links: NO_LINKS,
  },
  prior: {
    rows: 1,
    columns: 2,
    panes: [{ ...STACK, series: ANY }, { ...STACK, series: { ...ANY, study: "prior" } }],
    links: { scroll: true, window: true, place: true },
  },
};

interface Candidate {
  series_instance_uid: string;
  modality: string;
  series_description: string;
  is_displayable: boolean;
}

/** Returns the series that a rule means; null where there is none. */
export function seriesFor<Series extends Candidate>(rule: SeriesRule, current: readonly Series[], prior: readonly Series[]): Series | null {
  const wanted = rule.description.toLowerCase();
  const fits = (series: Series): boolean =>
    series.is_displayable &&
    (!rule.modality || series.modality === rule.modality) &&
    (!wanted || series.series_description.toLowerCase().includes(wanted));
  return (rule.study === "prior" ? prior : current).filter(fits)[rule.place] ?? null;
}
