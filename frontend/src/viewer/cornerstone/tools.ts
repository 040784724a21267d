/** What the mouse and fingers do on the picture. */

import { getEnabledElement } from "@cornerstonejs/core";
import {
  BaseTool,
  Enums,
  LengthTool,
  PanTool,
  ToolGroupManager,
  TrackballRotateTool,
  WindowLevelTool,
  ZoomTool,
  type Types,
} from "@cornerstonejs/tools";

export type ToolName = "scroll" | "window" | "zoom" | "pan" | "length";

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

/** The length tool, without keys of its own: undo and redo belong to the page. */
export class RulerTool extends LengthTool {
  static override toolName = "medportal-length";

  constructor(props: Types.PublicToolProps = {}) {
    super(props, { supportedInteractionTypes: ["Mouse", "Touch"], configuration: { getTextLines: textLines } });
  }
}

function textLines(data: { cachedStats: Record<string, { length?: number | null; unit?: string }> }, target: string): string[] {
  const { length, unit } = data.cachedStats[target] ?? {};
  return typeof length === "number" && Number.isFinite(length) ? [`${length.toFixed(1)} ${unit ?? ""}`] : [];
}

const NAMES: Record<ToolName, string> = {
  scroll: ScrollTool.toolName,
  window: WindowLevelTool.toolName,
  zoom: ZoomTool.toolName,
  pan: PanTool.toolName,
  length: RulerTool.toolName,
};

/** Binds the tools to a viewport; returns what unbinds them. */
export function bindTools(viewportId: string, engineId: string): () => void {
  return bind(GROUP, viewportId, engineId, (group) => {
    for (const name of Object.values(NAMES)) group.addTool(name);
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
  const always: Record<ToolName, Types.IToolBinding[]> = {
    window: [{ mouseButton: MouseBindings.Primary, modifierKey: KeyboardBindings.Shift }],
    pan: [{ mouseButton: MouseBindings.Auxiliary }, { mouseButton: MouseBindings.Primary, modifierKey: KeyboardBindings.Ctrl }],
    zoom: [{ mouseButton: MouseBindings.Secondary }, { numTouchPoints: 2 }],
    scroll: [],
    length: [],
  };
  for (const name of Object.keys(NAMES) as ToolName[]) group.setToolPassive(NAMES[name], { removeAllBindings: true });
  // A finger that scrolls over a drawn line must not move it; a mouse hits what it means.
  if (tool !== "length" && isTouched()) group.setToolEnabled(NAMES.length);
  for (const name of Object.keys(NAMES) as ToolName[]) {
    const bindings = [...always[name], ...(name === tool ? [{ mouseButton: MouseBindings.Primary }] : [])];
    if (bindings.length) group.setToolActive(NAMES[name], { bindings });
  }
}
