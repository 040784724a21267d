/** Everything that a key or a button does, in one table: keys, toolbar and help overview all read it. */

import type { StudySession } from "./state/studySession";
import { LOOKS, useDisplay } from "./state/displayStore";
import { stepBox } from "./state/findings";
import { activeFrames, activeSeries, useViewer, type ViewerState } from "./state/viewerStore";
import { windowPresets, type WindowPreset } from "./logic/windows";
import type { ToolName } from "./cornerstone/tools";

export type Act = (session: StudySession) => void;

const chooseTool =
  (tool: ToolName): Act =>
  ({ stack }) => {
    stack.setTool(tool);
  };

const scroll =
  (steps: number): Act =>
  ({ stack }) => {
    stack.scrollBy(steps);
  };

/** Returns the windows that the number keys from 2 on stand for. */
export function presetsOf(state: ViewerState): WindowPreset[] {
  return windowPresets(activeSeries(state)?.modality ?? "", activeFrames(state)[state.index]?.windows ?? []);
}

function stepSeries(session: StudySession, step: 1 | -1): void {
  const { study, seriesUid } = useViewer.getState();
  const shown = study?.series.filter((series) => series.is_displayable) ?? [];
  const next = shown[shown.findIndex((series) => series.series_instance_uid === seriesUid) + step];
  if (next) void session.stack.open(next.series_instance_uid);
}

export function toggleCine(): void {
  useViewer.setState(({ cine }) => ({ cine: { ...cine, isPlaying: !cine.isPlaying } }));
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
  invert: ({ stack }) => stack.view?.invert(),
  fit: ({ stack }) => stack.view?.fit(),
  reset: ({ stack }) => stack.view?.reset(),
  rotate: ({ stack }) => stack.view?.rotate(),
  flip: ({ stack }) => stack.view?.flip(),
  zoomIn: ({ stack }) => stack.view?.zoomBy(1.25),
  zoomOut: ({ stack }) => stack.view?.zoomBy(0.8),
  cine: toggleCine,
  map: toggleMap,
  look: nextLook,
  nextFinding: ({ stack }) => { stepBox(stack, 1); },
  previousFinding: ({ stack }) => { stepBox(stack, -1); },
  overlays: () => { useViewer.setState(({ hasOverlays }) => ({ hasOverlays: !hasOverlays })); },
  undo: ({ stack }) => { stack.measurements.undo(); },
  redo: ({ stack }) => { stack.measurements.redo(); },
  remove: ({ stack }) => { stack.measurements.removeSelected(); },
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
  if (!useViewer.getState().view?.window) return;
  const preset = presetsOf(useViewer.getState())[meaning - 2];
  if (meaning === 1) session.stack.view?.resetWindow();
  else if (preset) session.stack.view?.setWindow(preset);
}
