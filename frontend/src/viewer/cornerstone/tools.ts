/** What the mouse and fingers do on the picture. */

import { getEnabledElement } from "@cornerstonejs/core";
import {
  BaseTool,
  Enums,
  PanTool,
  ToolGroupManager,
  TrackballRotateTool,
  WindowLevelTool,
  ZoomTool,
  type Types,
} from "@cornerstonejs/tools";

import { DRAWN_KINDS, type DrawnKind } from "../logic/marks";
import { configurationOf, ERASER, MAGNIFIER, TOOL_OF, WINDOW_REGION } from "./markTools";

export type ToolName = "scroll" | "window" | "zoom" | "pan" | "windowRegion" | "magnify" | "eraser" | DrawnKind;

const { MouseBindings, KeyboardBindings } = Enums;
const GROUP = "medportal";
const SOLID_GROUP = "medportal-solid";
export const SCROLL_EVENT = "medportal-scroll";

/** Moves through the stack as the pointer moves up and down; the page decides what is shown. */
export class ScrollTool extends BaseTool {
  static override toolName = "medportal-scroll";
  private rest = 0;

  constructor(props: Types.PublicToolProps = {}) {
    super(props, { supportedInteractionTypes: ["Mouse", "Touch"], configuration: {} });
  }

  mouseDragCallback(event: Types.EventTypes.InteractionEventType): void {
    const { element, deltaPoints } = event.detail;
    const viewport = getEnabledElement(element)?.viewport as { getNumberOfSlices?: () => number } | undefined;
    const slices = viewport?.getNumberOfSlices?.() ?? 1;
    const pixelsPerSlice = Math.min(24, Math.max(3, element.offsetHeight / Math.max(slices, 8)));
    this.rest += deltaPoints.canvas[1] / pixelsPerSlice;
    const steps = Math.trunc(this.rest);
    this.rest -= steps;
    if (steps) element.dispatchEvent(new CustomEvent<number>(SCROLL_EVENT, { detail: steps }));
  }

  touchDragCallback(event: Types.EventTypes.InteractionEventType): void {
    this.mouseDragCallback(event);
  }
}

const NAMES: Record<ToolName, string> = {
  scroll: ScrollTool.toolName,
  window: WindowLevelTool.toolName,
  zoom: ZoomTool.toolName,
  pan: PanTool.toolName,
  windowRegion: WINDOW_REGION,
  magnify: MAGNIFIER,
  eraser: ERASER,
  ...TOOL_OF,
};

const DRAWING = new Set<ToolName>(DRAWN_KINDS);

/** Binds the tools to a viewport; returns what unbinds them. */
export function bindTools(viewportId: string, engineId: string): () => void {
  return bind(GROUP, viewportId, engineId, (group) => {
    for (const [tool, name] of Object.entries(NAMES)) {
      if (DRAWING.has(tool as ToolName)) group.addTool(name, configurationOf(tool as DrawnKind));
      else group.addTool(name);
    }
    activate(group, chosen);
  });
}

/** Binds what turns, moves and magnifies a lit volume. */
export function bindSolidTools(viewportId: string, engineId: string): () => void {
  return bind(SOLID_GROUP, viewportId, engineId, (group) => {
    const bindings: [string, Types.IToolBinding[]][] = [
      [TrackballRotateTool.toolName, [{ mouseButton: MouseBindings.Primary }]],
      [PanTool.toolName, [{ mouseButton: MouseBindings.Auxiliary }, { mouseButton: MouseBindings.Primary, modifierKey: KeyboardBindings.Ctrl }]],
      [ZoomTool.toolName, [{ mouseButton: MouseBindings.Secondary }, { numTouchPoints: 2 }]],
    ];
    for (const [name, ways] of bindings) {
      group.addTool(name);
      group.setToolActive(name, { bindings: ways });
    }
  });
}

type Group = NonNullable<ReturnType<typeof ToolGroupManager.getToolGroup>>;

function bind(id: string, viewportId: string, engineId: string, begin: (group: Group) => void): () => void {
  const known = ToolGroupManager.getToolGroup(id);
  const group = known ?? ToolGroupManager.createToolGroup(id);
  if (!group) return () => undefined;
  if (!known) begin(group);
  group.addViewport(viewportId, engineId);
  return () => {
    group.removeViewports(engineId, viewportId);
    if (!group.viewportsInfo.length) ToolGroupManager.destroyToolGroup(id);
  };
}

let chosen: ToolName = "scroll";

const isTouched = (): boolean => window.matchMedia("(pointer: coarse)").matches;

/** Gives the left button (and one finger) to a tool; the other buttons, Shift and two fingers always do the same. */
export function choose(tool: ToolName): void {
  chosen = tool;
  const group = ToolGroupManager.getToolGroup(GROUP);
  if (group) activate(group, tool);
}

function activate(group: Group, tool: ToolName): void {
  const always: Partial<Record<ToolName, Types.IToolBinding[]>> = {
    window: [{ mouseButton: MouseBindings.Primary, modifierKey: KeyboardBindings.Shift }],
    pan: [{ mouseButton: MouseBindings.Auxiliary }, { mouseButton: MouseBindings.Primary, modifierKey: KeyboardBindings.Ctrl }],
    zoom: [{ mouseButton: MouseBindings.Secondary }, { numTouchPoints: 2 }],
  };
  for (const [name, cornerstoneName] of Object.entries(NAMES) as [ToolName, string][]) {
    // A finger that scrolls over what is drawn must not move it; a mouse hits what it means.
    if (name !== tool && DRAWING.has(name) && isTouched() && !DRAWING.has(tool)) group.setToolEnabled(cornerstoneName);
    else group.setToolPassive(cornerstoneName, { removeAllBindings: true });
  }
  for (const [name, cornerstoneName] of Object.entries(NAMES) as [ToolName, string][]) {
    const bindings = [...(always[name] ?? []), ...(name === tool ? [{ mouseButton: MouseBindings.Primary }] : [])];
    if (bindings.length) group.setToolActive(cornerstoneName, { bindings });
  }
}
