/** Everything that a key or a button does, in one table: keys, toolbar and help overview all read it. */

import type { StudySession } from "./state/studySession";
import { LOOKS, useDisplay } from "./state/displayStore";
import { stepBox } from "./state/findings";
import { activeFrames, activePane, activeSeries, activeSeriesUid, setPane, useViewer, type PaneState, type ViewerState } from "./state/viewerStore";
import { gridLayout, LAYOUTS } from "./logic/layouts";
import { windowPresets, type WindowPreset } from "./logic/windows";
import type { ToolName } from "./cornerstone/tools";
import type { View } from "./cornerstone/view";

export type Act = (session: StudySession) => void;

const chooseTool =
  (tool: ToolName): Act =>
  ({ grid }) => {
    grid.setTool(tool);
  };

const scroll =
  (steps: number): Act =>
  ({ grid }) => {
    grid.active.scrollBy(steps);
  };

/** Does something to the active pane's view; it can be undone. */
const look =
  (key: string, act: (view: View) => void): Act =>
  ({ grid }) => {
    const { view } = grid.active;
    if (view) grid.act(grid.active.place, key, () => { act(view); });
  };

/** Returns the windows that the number keys from 2 on stand for. */
export function presetsOf(state: ViewerState): WindowPreset[] {
  return windowPresets(activeSeries(state)?.modality ?? "", activeFrames(state)[activePane(state).index]?.windows ?? []);
}

function stepSeries(session: StudySession, step: 1 | -1): void {
  const { study } = useViewer.getState();
  const seriesUid = activeSeriesUid(useViewer.getState());
  const shown = study?.series.filter((series) => series.is_displayable) ?? [];
  const next = shown[shown.findIndex((series) => series.series_instance_uid === seriesUid) + step];
  if (next) void session.grid.open(next.series_instance_uid);
}

export function changeCine(change: Partial<PaneState["cine"]>): void {
  const state = useViewer.getState();
  setPane(state.active, { cine: { ...activePane(state).cine, ...change } });
}

export function toggleCine(): void {
  changeCine({ isPlaying: !activePane(useViewer.getState()).cine.isPlaying });
}

/** Goes to the pane after or before the active one. */
function stepPane({ grid }: StudySession, step: 1 | -1): void {
  const { active, panes } = useViewer.getState();
  grid.activate((active + step + panes.length) % panes.length);
}

function toggleMaximized(): void {
  useViewer.setState(({ isMaximized, panes }) => ({ isMaximized: !isMaximized && panes.length > 1 }));
}

function toggleMap(): void {
  useDisplay.setState(({ isVisible }) => ({ isVisible: !isVisible }));
}

function nextLook(): void {
  useDisplay.setState(({ look }) => ({ look: LOOKS[(LOOKS.indexOf(look) + 1) % LOOKS.length] ?? "original" }));
}

export const acts = {
  next: scroll(1),
  previous: scroll(-1),
  jump: scroll(10),
  jumpBack: scroll(-10),
  first: scroll(-Infinity),
  last: scroll(Infinity),
  nextSeries: (session) => { stepSeries(session, 1); },
  previousSeries: (session) => { stepSeries(session, -1); },
  scroll: chooseTool("scroll"),
  window: chooseTool("window"),
  zoom: chooseTool("zoom"),
  pan: chooseTool("pan"),
  length: chooseTool("length"),
  invert: look("invert", (view) => { view.invert(); }),
  fit: look("fit", (view) => { view.fit(); }),
  reset: look("reset", (view) => { view.reset(); }),
  rotate: look("rotate", (view) => { view.rotate(); }),
  flip: look("flip", (view) => { view.flip(); }),
  zoomIn: look("zoom", (view) => { view.zoomBy(1.25); }),
  zoomOut: look("zoom", (view) => { view.zoomBy(0.8); }),
  cine: toggleCine,
  nextPane: (session) => { stepPane(session, 1); },
  previousPane: (session) => { stepPane(session, -1); },
  maximize: toggleMaximized,
  laterPhase: ({ grid }) => { grid.active.setPhase(activePane(useViewer.getState()).phase + 1); },
  earlierPhase: ({ grid }) => { grid.active.setPhase(activePane(useViewer.getState()).phase - 1); },
  single: ({ grid }) => { grid.setLayout(gridLayout(1, 1)); },
  mpr: ({ grid }) => { grid.setLayout(LAYOUTS.mpr); },
  crosshairs: () => { useViewer.setState(({ hasCrosshairs }) => ({ hasCrosshairs: !hasCrosshairs })); },
  referenceLines: () => { useViewer.setState(({ hasReferenceLines }) => ({ hasReferenceLines: !hasReferenceLines })); },
  map: toggleMap,
  look: nextLook,
  nextFinding: ({ grid }) => { stepBox(grid.active, 1); },
  previousFinding: ({ grid }) => { stepBox(grid.active, -1); },
  overlays: () => { useViewer.setState(({ hasOverlays }) => ({ hasOverlays: !hasOverlays })); },
  undo: ({ undoLog }) => { undoLog.undo(); },
  redo: ({ undoLog }) => { undoLog.redo(); },
  remove: ({ measurements }) => { measurements.removeSelected(); },
  help: () => { useViewer.setState(({ isHelpOpen }) => ({ isHelpOpen: !isHelpOpen })); },
} satisfies Record<string, Act>;

export type ActName = keyof typeof acts;

const KEYS: Readonly<Record<string, ActName>> = {
  ArrowDown: "next",
  ArrowRight: "next",
  ArrowUp: "previous",
  ArrowLeft: "previous",
  PageDown: "jump",
  PageUp: "jumpBack",
  Home: "first",
  End: "last",
  "]": "nextSeries",
  "[": "previousSeries",
  s: "scroll",
  w: "window",
  z: "zoom",
  p: "pan",
  l: "length",
  i: "invert",
  f: "fit",
  r: "reset",
  " ": "reset",
  t: "rotate",
  m: "flip",
  "+": "zoomIn",
  "=": "zoomIn",
  "-": "zoomOut",
  c: "cine",
  h: "map",
  v: "look",
  n: "nextFinding",
  b: "previousFinding",
  o: "overlays",
  Delete: "remove",
  Backspace: "remove",
  ".": "nextPane",
  ",": "previousPane",
  Enter: "maximize",
  ">": "laterPhase",
  "<": "earlierPhase",
  "0": "single",
  g: "mpr",
  x: "crosshairs",
  k: "referenceLines",
  "?": "help",
  "mod+z": "undo",
  "mod+shift+z": "redo",
  "mod+y": "redo",
};

export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** Returns what a key stands for: the name of an act, the number of a window preset, or null. */
export function meaningOf({ key, ctrlKey, metaKey, shiftKey, altKey }: KeyPress): ActName | number | null {
  if (altKey) return null;
  const name = key.length === 1 ? key.toLowerCase() : key;
  if (ctrlKey || metaKey) return KEYS[`mod+${shiftKey ? "shift+" : ""}${name}`] ?? null;
  if (/^[1-9]$/.test(name)) return Number(name);
  return KEYS[name] ?? null;
}

export function perform(session: StudySession, meaning: ActName | number): void {
  if (typeof meaning === "string") {
    acts[meaning](session);
    return;
  }
  const { grid } = session;
  const { view, place } = grid.active;
  if (!view || !activePane(useViewer.getState()).view?.window) return;
  const preset = presetsOf(useViewer.getState())[meaning - 2];
  if (meaning === 1) grid.act(place, "window", () => { view.resetWindow(); });
  else if (preset) grid.act(place, "window", () => { view.setWindow(preset); });
}
