/** Which of the layouts that somebody has kept is for a study, and what is on screen as such a layout. */

import type { Layout, PaneSpec, SeriesRule } from "./layouts";

/** Which studies a layout is for; what is empty asks for nothing. */
export interface Rules {
  is_automatic: boolean;
  modalities: readonly string[];
  description: string;
  body_part: string;
  fewest_series: number | null;
  most_series: number | null;
}

export const NO_RULES: Rules = { is_automatic: false, modalities: [], description: "", body_part: "", fewest_series: null, most_series: null };

export interface Protocol {
  id: string;
  name: string;
  is_shared: boolean;
  layout: Layout;
  rules: Rules;
  rank: number;
  revision: number;
}

interface Study {
  modalities_in_study: readonly string[];
  study_description: string;
  series: readonly { body_part_examined?: string; is_displayable: boolean }[];
}

const holds = (text: string, part: string): boolean => text.toLowerCase().includes(part.toLowerCase());

/** Tells whether a layout is for a study. */
export function isFor({ modalities, description, body_part: bodyPart, fewest_series: fewest, most_series: most }: Rules, study: Study): boolean {
  const count = study.series.filter((series) => series.is_displayable).length;
  return (
    (!modalities.length || modalities.some((one) => study.modalities_in_study.includes(one))) &&
    (!description || holds(study.study_description, description)) &&
    (!bodyPart || study.series.some((series) => holds(series.body_part_examined ?? "", bodyPart))) &&
    (fewest === null || count >= fewest) &&
    (most === null || count <= most)
  );
}

/** Returns the layout by which a study opens: one's own before the team's, then by rank; null for none. */
export function protocolFor(protocols: readonly Protocol[], study: Study): Protocol | null {
  const fitting = protocols.filter(({ rules }) => rules.is_automatic && isFor(rules, study));
  return [...fitting].sort((a, b) => Number(a.is_shared) - Number(b.is_shared) || a.rank - b.rank)[0] ?? null;
}

interface Series {
  series_instance_uid: string;
  modality: string;
  series_description: string;
  is_displayable: boolean;
}

/** Returns the rule by which a series is found again: its modality and description, and its place among those like it. */
export function ruleFor(seriesUid: string, current: readonly Series[], prior: readonly Series[]): SeriesRule | null {
  const isPrior = prior.some((series) => series.series_instance_uid === seriesUid);
  const all = (isPrior ? prior : current).filter((series) => series.is_displayable);
  const own = all.find((series) => series.series_instance_uid === seriesUid);
  if (!own) return null;
  const alike = all.filter((series) => series.modality === own.modality && holds(series.series_description, own.series_description));
  return { study: isPrior ? "prior" : "current", modality: own.modality, description: own.series_description, place: alike.indexOf(own) };
}

interface Shown extends Pick<PaneSpec, "kind" | "plane" | "projection"> {
  seriesUid: string | null;
  fusion: { seriesUid: string } | null;
  view: { window: PaneSpec["window"] } | null;
}

/** Returns what is on screen as a layout; with windows only where they are asked for. */
export function layoutOf(rows: number, columns: number, panes: readonly Shown[], links: Layout["links"], current: readonly Series[], prior: readonly Series[], withWindows: boolean): Layout {
  return {
    rows, columns, links,
    panes: panes.map(({ kind, plane, projection, seriesUid, fusion, view }) => ({
      kind, plane, projection,
      series: seriesUid ? ruleFor(seriesUid, current, prior) : null,
      fusion: fusion && ruleFor(fusion.seriesUid, current, prior),
      window: withWindows ? (view?.window ?? null) : null,
    })),
  };
}
