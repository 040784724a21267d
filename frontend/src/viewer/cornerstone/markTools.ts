/** The tools that draw marks: which of Cornerstone's draws which kind, and what is written beside it. */

import { cache, type Types } from "@cornerstonejs/core";
import {
  AngleTool, annotation, EraserTool, ArrowAnnotateTool, BidirectionalTool, CircleROITool, CobbAngleTool, EllipticalROITool, LabelTool, LengthTool,
  MagnifyTool, PlanarFreehandROITool, ProbeTool, RectangleROITool, SplineROITool, WindowLevelRegionTool,
} from "@cornerstonejs/tools";

import { figuresOf, type DrawnKind, type Stats } from "../logic/marks";
import { pixelAt, voxelAt } from "./volumes";

/** Cornerstone's names of the tools that draw each kind. */
export const TOOL_OF: Readonly<Record<DrawnKind, string>> = {
  length: LengthTool.toolName,
  bidirectional: BidirectionalTool.toolName,
  angle: AngleTool.toolName,
  cobb: CobbAngleTool.toolName,
  ellipse: EllipticalROITool.toolName,
  rectangle: RectangleROITool.toolName,
  circle: CircleROITool.toolName,
  freehand: PlanarFreehandROITool.toolName,
  spline: SplineROITool.toolName,
  arrow: ArrowAnnotateTool.toolName,
  text: LabelTool.toolName,
  probe: ProbeTool.toolName,
};

export const KIND_OF: ReadonlyMap<string, DrawnKind> = new Map(Object.entries(TOOL_OF).map(([kind, name]) => [name, kind as DrawnKind]));

export const MARK_TOOLS = [
  AngleTool, EraserTool, ArrowAnnotateTool, BidirectionalTool, CircleROITool, CobbAngleTool, EllipticalROITool, LabelTool, LengthTool,
  MagnifyTool, PlanarFreehandROITool, ProbeTool, RectangleROITool, SplineROITool, WindowLevelRegionTool,
];

/** Yellow on a dark ground is read on lung and on bone; what is chosen stands out also to those who see no green. */
export function setStyles(): void {
  const [plain, chosen] = ["#ffd84d", "#5cc8ff"];
  annotation.config.style.setDefaultToolStyles({
    ...annotation.config.style.getDefaultToolStyles(),
    global: {
      color: plain, colorHighlighted: chosen, colorSelected: chosen, colorLocked: "#d1c15a", lineWidth: "1.5", shadow: true,
      textBoxColor: plain, textBoxColorHighlighted: chosen, textBoxColorSelected: chosen, textBoxColorLocked: "#d1c15a", textBoxBackground: "rgba(0, 0, 0, 0.62)",
      textBoxFontFamily: "system-ui, sans-serif", textBoxFontSize: "13px", textBoxLinkLineWidth: "1", textBoxLinkLineDash: "2,3",
    },
  });
}

export const ERASER = EraserTool.toolName;
export const MAGNIFIER = MagnifyTool.toolName;
export const WINDOW_REGION = WindowLevelRegionTool.toolName;

/** Asks a person for words; "" for none. */
let askText: (before: string) => Promise<string> = () => Promise.resolve("");

export function onTextAsked(ask: (before: string) => Promise<string>): void {
  askText = ask;
}

/** What is known of the values of a picture: the factor that makes uptake values of them. */
const uptakes = new Map<string, number>();

export function setUptake(imageId: string, factor: number): void {
  uptakes.set(imageId, factor);
}

type Cached = Readonly<Record<string, unknown>>;

/** What the tools write into their annotations, as far as it is read here. */
interface Written {
  cachedStats?: Readonly<Record<string, Cached>>;
  handles?: { points?: Types.Point3[] };
  label?: string;
}

/** Returns what Cornerstone has measured of any of the targets, or of any at all, in the site's words; {} for not yet. */
export function statsOf({ cachedStats, handles }: Written, targets?: string | readonly string[]): Stats {
  const wanted = typeof targets === "string" ? [targets] : targets;
  const [key, found] = Object.entries(cachedStats ?? {}).find(([target, one]) => (wanted ? wanted.includes(target) : Object.keys(one).length > 0)) ?? [];
  if (!key || !found) return {};
  const number = (name: string): number | undefined => {
    const value = Array.isArray(found[name]) ? (found[name] as unknown[])[0] : found[name];
    return typeof value === "number" && Number.isFinite(value) ? value : undefined;
  };
  const isMm = (unit: unknown): boolean => typeof unit === "string" && unit.startsWith("mm");
  const [long, wide, area, angle] = [number("length"), number("width"), number("area"), number("angle")];
  const factor = uptakes.get(imageOfTarget(key));
  const scaled = (value: number | undefined): number | undefined => (value === undefined ? undefined : value * (factor ?? 1));
  const unit = factor ? "SUV" : unitOf(found.modalityUnit ?? found.pixelValueUnits);
  const isRegion = area !== undefined;
  const stats: Record<string, number | string | undefined> = {
    [isMm(found.unit) ? "length_mm" : "length_px"]: long,
    [isMm(found.unit) ? "width_mm" : "width_px"]: wide,
    [isMm(found.areaUnit) ? "area_mm2" : "area_px"]: area,
    angle_deg: angle,
    mean: isRegion ? scaled(number("mean")) : undefined,
    std: isRegion ? scaled(number("stdDev")) : undefined,
    min: isRegion ? scaled(number("min")) : undefined,
    max: isRegion ? scaled(number("max")) : undefined,
    // Of a point Cornerstone knows where it is, but not always what lies there.
    value: "index" in found ? scaled(valueAt(key, handles?.points?.[0])) : undefined,
  };
  const known = Object.fromEntries(Object.entries(stats).filter(([, value]) => value !== undefined));
  return (("mean" in known || "value" in known) && unit ? { ...known, unit } : known) as Stats;
}

function valueAt(target: string, point: Types.Point3 | undefined): number | undefined {
  if (!point) return undefined;
  const id = target.slice(target.indexOf(":") + 1);
  return (target.startsWith("imageId:") ? pixelAt(id, point) : voxelAt(id.split("?")[0] ?? "", point)?.value) ?? undefined;
}

const unitOf = (said: unknown): string => (typeof said === "string" && said !== "raw" ? said : "");

function imageOfTarget(target: string): string {
  const [kind, id = ""] = [target.slice(0, target.indexOf(":")), target.slice(target.indexOf(":") + 1)];
  if (kind === "imageId") return id;
  const volume = cache.getVolume(id.split("?")[0] ?? "");
  return volume?.imageIds[0] ?? "";
}

/** Returns how a tool writes beside what it draws: the figures, and the label below them. */
export function configurationOf(kind: DrawnKind): Record<string, unknown> {
  const asks = (done: (text: string) => void): void => { void askText("").then(done); };
  const asksAgain = (data: { data?: Written }, _event: unknown, done: (text: string) => void): void => { void askText(data.data?.label ?? "").then((text) => { if (text) done(text); }); };
  return {
    shadow: true,
    calculateStats: true,
    ...(kind === "freehand" && { allowOpenContours: true, preventHandleOutsideImage: false }),
    ...(kind === "arrow" || kind === "text"
      ? { getTextCallback: asks, changeTextCallback: asksAgain, preventHandleOutsideImage: false, ...(kind === "arrow" && { arrowFirst: true, arrowHeadStyle: "standard" }) }
      : {
          getTextLines: (data: Written, targets: string | readonly string[]) => {
            const lines = figuresOf({ kind, data: { stats: statsOf(data, targets) } });
            return [...(data.label ? [data.label] : []), ...lines];
          },
        }),
  };
}
