/** Everything that a key or a button does, in one table: keys, toolbar and help overview all read it. */

import type { StudySession } from "./state/studySession";
import { LOOKS, useDisplay } from "./state/displayStore";
import { stepBox } from "./state/findings";
import { useChosenKeys } from "./state/keys";
import { useMarks } from "./state/marksStore";
import { useSegments, type SegmentTool } from "./state/segmentsStore";
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

/** Takes a tool of the segments up, or puts it down. */
const segmentTool =
  (tool: SegmentTool): Act =>
  ({ grid }) => {
    const { tool: now, openId } = useSegments.getState();
    useViewer.setState({ panel: "segments" });
    if (openId) grid.setSegmentTool(now === tool ? null : tool);
  };

const brushBy =
  (factor: number): Act =>
  () => {
    useSegments.setState(({ brushMm }) => ({ brushMm: Math.min(50, Math.max(0.5, Math.round(brushMm * factor * 2) / 2)) }));
  };

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
  bidirectional: chooseTool("bidirectional"),
  angle: chooseTool("angle"),
  cobb: chooseTool("cobb"),
  ellipse: chooseTool("ellipse"),
  circle: chooseTool("circle"),
  rectangle: chooseTool("rectangle"),
  freehand: chooseTool("freehand"),
  spline: chooseTool("spline"),
  arrow: chooseTool("arrow"),
  text: chooseTool("text"),
  probe: chooseTool("probe"),
  windowRegion: chooseTool("windowRegion"),
  magnify: chooseTool("magnify"),
  eraser: chooseTool("eraser"),
  key: ({ marks }) => { marks.toggleKey(); },
  hideMarks: () => { useMarks.setState(({ areHidden }) => ({ areHidden: !areHidden })); },
  segmentBrush: segmentTool("brush"),
  segmentErase: segmentTool("erase"),
  brushLarger: brushBy(1.3),
  brushSmaller: brushBy(1 / 1.3),
  hideSegments: () => { useSegments.setState(({ areHidden }) => ({ areHidden: !areHidden })); },
  invert: look("invert", (view) => { view.invert(); }),
  fit: look("fit", (view) => { view.fit(); }),
  reset: look("reset", (view) => { view.reset(); }),
  rotate: look("rotate", (view) => { view.rotate(); }),
  rotateBack: look("rotate", (view) => { view.rotate(); view.rotate(); view.rotate(); }),
  flip: look("flip", (view) => { view.flip(); }),
  flipVertical: look("flip", (view) => { view.flip(); view.rotate(); view.rotate(); }),
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
  remove: ({ marks }) => { marks.removeSelected(); },
  tags: () => { useViewer.setState(({ areTagsOpen }) => ({ areTagsOpen: !areTagsOpen })); },
  help: () => { useViewer.setState(({ isHelpOpen }) => ({ isHelpOpen: !isHelpOpen })); },
} satisfies Record<string, Act>;

export type ActName = keyof typeof acts;

/** What everybody begins with. */
export const DEFAULT_KEYS: Readonly<Record<string, ActName>> = {
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
  d: "bidirectional",
  a: "angle",
  e: "ellipse",
  q: "rectangle",
  u: "freehand",
  j: "arrow",
  y: "probe",
  "shift+a": "cobb",
  "shift+e": "circle",
  "shift+u": "spline",
  "shift+w": "windowRegion",
  "shift+z": "magnify",
  "shift+x": "eraser",
  "shift+k": "key",
  "shift+h": "hideMarks",
  "shift+t": "rotateBack",
  "shift+m": "flipVertical",
  "shift+b": "segmentBrush",
  "shift+r": "segmentErase",
  "}": "brushLarger",
  "{": "brushSmaller",
  "shift+s": "hideSegments",
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
  "shift+i": "tags",
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
  const name = nameOfKey({ key, ctrlKey, metaKey, shiftKey, altKey });
  if (/^[1-9]$/.test(name)) return Number(name);
  return keysNow().get(name) ?? null;
}

/** Returns the name under which a key is kept: "a", "shift+a", "mod+z", "?"; Shift counts where it makes no other sign. */
export function nameOfKey({ key, ctrlKey, metaKey, shiftKey }: KeyPress): string {
  const name = key.length === 1 ? key.toLowerCase() : key;
  const isLetter = /^[a-z]$/.test(name) || key.length > 1;
  return `${ctrlKey || metaKey ? "mod+" : ""}${shiftKey && isLetter ? "shift+" : ""}${name}`;
}

/** Returns the keys as they are now: what somebody has chosen, else what everybody begins with. */
export function keysNow(): ReadonlyMap<string, ActName> {
  const { chosen } = useChosenKeys.getState();
  const map = new Map(Object.entries(DEFAULT_KEYS).filter(([, act]) => !(act in chosen)));
  for (const [act, keys] of Object.entries(chosen)) if (act in acts) for (const key of keys) map.set(key, act as ActName);
  return map;
}

const SIGNS: Readonly<Record<string, string>> = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", " ": "Space", Delete: "Del", PageDown: "PgDn", PageUp: "PgUp" };

/** Returns a key as it is written for people. */
export const writtenKey = (name: string): string =>
  name.split(/\+(?=.)/).map((part) => SIGNS[part] ?? (part === "mod" ? "Ctrl" : part === "shift" ? "⇧" : part.length === 1 ? part.toUpperCase() : part)).join(" ");

/** Returns the first key of an act, as it is written for people; "" for none. */
export function keyOf(act: ActName): string {
  for (const [key, name] of keysNow()) if (name === act) return writtenKey(key);
  return "";
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
