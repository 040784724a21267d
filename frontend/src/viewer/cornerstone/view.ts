/** What every kind of picture in a pane can be asked for: stacks, planes and lit volumes alike. */

import type { EdgeLetters } from "../logic/orientation";
import type { Vec3 } from "../logic/vectors";
import type { Window } from "../logic/windows";

export interface ViewState {
  window: Window | null;
  /** 1 is one picture pixel on one CSS pixel. */
  scale: number;
  isInverted: boolean;
  edges: EdgeLetters | null;
  /** Millimetres (or pixels, without spacing) for one CSS pixel. */
  worldPerPixel: number;
}

export interface Probe {
  column: number;
  row: number;
  values: number[];
  /** Of the series that lies over the first. */
  over: number | null;
}

/** Place, size, turn and window: what a picture gets back when it is shown again, or when a step is undone. */
export type KeptView = Readonly<Record<string, unknown>>;

export interface View {
  readonly element: HTMLDivElement;
  destroy: () => void;
  kept: () => KeptView;
  restore: (kept: KeptView) => void;
  setWindow: (window: Window) => void;
  resetWindow: () => void;
  setColormap: (name: string) => void;
  invert: () => void;
  fit: () => void;
  reset: () => void;
  rotate: () => void;
  flip: () => void;
  zoomBy: (factor: number) => void;
  render: () => void;
  toCanvas: (point: Vec3) => readonly [number, number];
  toWorld: (x: number, y: number) => Vec3;
  state: () => ViewState | null;
  probe: (x: number, y: number) => Probe | null;
}

export interface ViewListener {
  onRendered: (imageId: string) => void;
  onScroll: (steps: number) => void;
}
