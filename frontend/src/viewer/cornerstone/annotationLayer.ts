/** Keeps Cornerstone's annotations and the page's marks the same: what is drawn is told, what is told is drawn. */

import { eventTarget, type Types as Core } from "@cornerstonejs/core";
import { annotation, Enums, SplineROITool, type Types } from "@cornerstonejs/tools";

import type { Frame } from "../logic/frames";
import { isSameContent, pixelsToWorld, spaceOf, turnedCorners, worldToPixels, type DrawnKind, type MarkContent, type MarkData } from "../logic/marks";
import { frameKey } from "../logic/pieces";
import { cross, vec3, type Vec3 } from "../logic/vectors";
import { theEngine } from "./engine";
import { KIND_OF, setUptake, statsOf, TOOL_OF } from "./markTools";

const { Events } = Enums;
const RELEASES = ["pointerup", "mouseup", "touchend"] as const;

/** A mark as it is drawn. */
export type Drawn = ReadonlyMap<string, MarkContent>;

export interface LayerHost {
  /** Something has been drawn, changed or removed by hand. */
  onDrawn: (drawn: Drawn) => void;
  /** The series in whose plane something is drawn that lies on none of its frames. */
  seriesUid: () => string;
  onSelected: (ids: readonly string[]) => void;
}

/** What Cornerstone's annotations have, as far as the page reads it: each tool has its own of it. */
interface Data {
  label?: string;
  handles?: { points?: Core.Point3[] };
  contour?: { closed?: boolean; polyline?: Core.Point3[] };
  spline?: { type: string; instance: unknown };
  cachedStats?: Record<string, Record<string, unknown>>;
}

export class AnnotationLayer {
  private frames = new Map<string, { frame: Frame; seriesUid: string }>();
  private byKey = new Map<string, Frame>();
  /** What is drawn and finished, by id. */
  private readonly known = new Map<string, MarkContent>();
  private isEdited = false;
  private isPutting = false;

  constructor(private readonly host: LayerHost) {
    eventTarget.addEventListener(Events.ANNOTATION_COMPLETED, this.completed);
    eventTarget.addEventListener(Events.ANNOTATION_MODIFIED, this.modified);
    eventTarget.addEventListener(Events.ANNOTATION_REMOVED, this.removed);
    eventTarget.addEventListener(Events.ANNOTATION_SELECTION_CHANGE, this.selectionChanged);
    for (const name of RELEASES) window.addEventListener(name, this.released);
  }

  destroy(): void {
    eventTarget.removeEventListener(Events.ANNOTATION_COMPLETED, this.completed);
    eventTarget.removeEventListener(Events.ANNOTATION_MODIFIED, this.modified);
    eventTarget.removeEventListener(Events.ANNOTATION_REMOVED, this.removed);
    eventTarget.removeEventListener(Events.ANNOTATION_SELECTION_CHANGE, this.selectionChanged);
    for (const name of RELEASES) window.removeEventListener(name, this.released);
    annotation.state.removeAllAnnotations();
  }

  /** Says which frames there are. */
  setFrames(all: Readonly<Record<string, readonly Frame[]>>): void {
    this.frames = new Map(Object.entries(all).flatMap(([seriesUid, frames]) => frames.map((frame) => [frame.imageId, { frame, seriesUid }] as const)));
    this.byKey = new Map([...this.frames.values()].map(({ frame }) => [frameKey(frame.sopInstanceUid, frame.frameNumber), frame]));
    for (const { frame } of this.frames.values()) if (frame.suvFactor) setUptake(frame.imageId, frame.suvFactor);
  }

  /** Draws these marks, and no others; what is drawn already as it should be is left alone. */
  sync(marks: ReadonlyMap<string, MarkContent>): void {
    this.isPutting = true;
    for (const id of this.known.keys()) if (!marks.has(id)) this.take(id);
    for (const [id, content] of marks) {
      const known = this.known.get(id);
      if (known && isSameContent(known, content)) continue;
      this.take(id);
      this.put(id, content);
    }
    this.isPutting = false;
    theEngine().render();
  }

  private take(id: string): void {
    if (annotation.state.getAnnotation(id)) annotation.state.removeAnnotation(id);
    this.known.delete(id);
  }

  private put(id: string, content: MarkContent): void {
    const frame = this.byKey.get(frameKey(content.sop_instance_uid, content.frame_number ?? 1));
    const toolName = (TOOL_OF as Readonly<Record<string, string | undefined>>)[content.kind];
    // A key image is drawn by nobody; what lies on a series that has not been opened waits for it.
    if (!toolName || (content.sop_instance_uid && !frame)) return;
    annotation.state.addAnnotation(toAnnotation(id, toolName, content, frame), content.frame_of_reference_uid);
    annotation.visibility.setAnnotationVisibility(id, !content.is_hidden);
    annotation.locking.setAnnotationLocked(id, content.is_locked);
    if (content.data.color) annotation.config.style.setAnnotationStyles(id, { color: content.data.color, colorSelected: content.data.color, textBoxColor: content.data.color });
    this.known.set(id, content);
  }

  select(id: string): void {
    annotation.selection.setAnnotationSelected(id);
    theEngine().render();
  }

  selected(): readonly string[] {
    return annotation.selection.getAnnotationsSelected();
  }

  /** Returns the id of the mark that the pointer is over; null for none. */
  under(): string | null {
    return annotation.state.getAllAnnotations().find((one) => one.highlighted)?.annotationUID ?? null;
  }

  private readonly selectionChanged = (): void => {
    if (!this.isPutting) this.host.onSelected(this.selected());
  };

  private readonly completed = (event: Event): void => {
    const { annotation: done } = (event as CustomEvent<{ annotation: Types.Annotation }>).detail;
    const content = this.contentOf(done);
    if (!content || !done.annotationUID) return;
    this.known.set(done.annotationUID, content);
    this.report();
    // What was measured is known once it has been drawn.
    setTimeout(() => { this.report(); }, 120);
  };

  private readonly modified = (event: Event): void => {
    const { annotation: changed } = (event as CustomEvent<{ annotation: Types.Annotation }>).detail;
    if (!this.isPutting && this.known.has(changed.annotationUID ?? "")) this.isEdited = true;
  };

  private readonly removed = (event: Event): void => {
    const { annotation: gone } = (event as CustomEvent<{ annotation: Types.Annotation }>).detail;
    if (!this.isPutting && this.known.delete(gone.annotationUID ?? "")) this.report();
  };

  /** A drag of what is drawn ends with the pointer: only then is it a step to undo. */
  private readonly released = (): void => {
    // The tool's own end of drawing comes with the same event; it reports by itself.
    setTimeout(() => {
      if (this.isEdited) this.report();
    }, 60);
  };

  private report(): void {
    this.isEdited = false;
    for (const id of this.known.keys()) {
      const one = annotation.state.getAnnotation(id);
      const content = one && this.contentOf(one);
      if (content) this.known.set(id, content);
    }
    this.host.onDrawn(new Map(this.known));
  }

  /** Returns what a drawn annotation says; null for what is no mark. */
  private contentOf(one: Types.Annotation): MarkContent | null {
    const kind = KIND_OF.get(one.metadata?.toolName ?? "");
    const data = one.data as Data;
    const before = this.known.get(one.annotationUID ?? "");
    const referenced = this.frames.get(one.metadata?.referencedImageId ?? "");
    const world = worldPoints(kind, data);
    if (!kind || !world.length) return null;
    const frame = referenced?.frame;
    const isFlat = frame !== undefined && spaceOf(frame) === "image";
    const points = kind === "rectangle" ? turnedCorners(world) : world;
    return {
      series_instance_uid: before?.series_instance_uid ?? referenced?.seriesUid ?? this.host.seriesUid(),
      sop_instance_uid: frame?.sopInstanceUid ?? "",
      frame_number: frame?.frameNumber ?? null,
      frame_of_reference_uid: isFlat ? "" : (one.metadata?.FrameOfReferenceUID ?? ""),
      kind,
      space: isFlat ? "image" : "patient",
      points: isFlat ? worldToPixels(points, frame) : points,
      data: this.dataOf(kind, one, data, before?.data),
      is_hidden: before?.is_hidden ?? false,
      is_locked: before?.is_locked ?? false,
      source: before?.source ?? "person",
      model: before?.model ?? "",
      version: before?.version ?? null,
    };
  }

  private dataOf(kind: DrawnKind, one: Types.Annotation, data: Data, before: MarkData | undefined): MarkData {
    const isWords = kind === "arrow" || kind === "text";
    const said = data.label ?? "";
    const { viewPlaneNormal, viewUp, referencedImageId } = one.metadata ?? {};
    const plane = !referencedImageId && viewPlaneNormal && viewUp ? { normal: vec3([...viewPlaneNormal]), up: vec3([...viewUp]) } : null;
    const stats = statsOf(data);
    return {
      ...before,
      ...(isWords ? { text: said } : said ? { label: said } : {}),
      ...(plane?.normal && plane.up && { plane: { normal: plane.normal, up: plane.up } }),
      ...(data.contour?.closed !== undefined && { isClosed: data.contour.closed }),
      ...(Object.keys(stats).length > 0 && { stats }),
    };
  }
}

const toVec = (point: Core.Point3): Vec3 => [point[0], point[1], point[2]];

const MOST_POINTS = 1000;

function worldPoints(kind: DrawnKind | undefined, { handles, contour }: Data): Vec3[] {
  if (kind !== "freehand") return (handles?.points ?? []).map(toVec);
  const line = contour?.polyline ?? [];
  const every = Math.max(1, Math.ceil(line.length / MOST_POINTS));
  return line.filter((_, place) => place % every === 0).map(toVec);
}

function toAnnotation(id: string, toolName: string, content: MarkContent, frame: Frame | undefined): Types.Annotation {
  const { kind, data } = content;
  const world = content.space === "image" && frame ? pixelsToWorld(content.points, frame) : content.points;
  const points = (kind === "rectangle" ? turnedCorners(world) : [...world]).map((point) => [...point] as Core.Point3);
  const isFreehand = kind === "freehand";
  return {
    annotationUID: id,
    highlighted: false,
    invalidated: true,
    isLocked: content.is_locked,
    isVisible: !content.is_hidden,
    metadata: { toolName, ...(frame && { referencedImageId: frame.imageId }), FrameOfReferenceUID: content.frame_of_reference_uid || (frame?.frameOfReferenceUid ?? ""), ...planeOf(content, frame) },
    data: {
      label: (kind === "arrow" || kind === "text" ? data.text : data.label) ?? "",
      handles: {
        points: isFreehand && !data.isClosed ? [points[0], points.at(-1)] : isFreehand ? [] : points,
        activeHandleIndex: null,
        ...(kind === "arrow" && { arrowFirst: true }),
        textBox: {
          hasMoved: false,
          worldPosition: [0, 0, 0],
          worldBoundingBox: { topLeft: [0, 0, 0], topRight: [0, 0, 0], bottomLeft: [0, 0, 0], bottomRight: [0, 0, 0] },
        },
      },
      ...(isFreehand && { contour: { polyline: points, closed: data.isClosed ?? true }, isOpenUShapeContour: false }),
      ...(kind === "spline" && { contour: { closed: data.isClosed ?? true, polyline: [] }, spline: makeSpline() }),
      cachedStats: {},
    },
  } as unknown as Types.Annotation;
}

function makeSpline(): { type: string; instance: unknown; resolution: number } {
  const type = SplineROITool.SplineTypes.CatmullRom;
  const tool = new SplineROITool() as unknown as { _getSplineConfig: (name: string) => { Class: new () => { closed: boolean } } };
  const { Class: Spline } = tool._getSplineConfig(type);
  const instance = new Spline();
  instance.closed = true;
  return { type, instance, resolution: 20 };
}

/** What an annotation must say to belong to a frame or a plane, whichever pane shows it. */
function planeOf({ data }: MarkContent, frame: Frame | undefined) {
  const own = frame?.orientation && { normal: cross(frame.orientation.row, frame.orientation.column), up: frame.orientation.column };
  const [normal, up] = own ? [own.normal.map((one) => -one), own.up.map((one) => -one)] : [[...(data.plane?.normal ?? [0, 0, -1])], [...(data.plane?.up ?? [0, -1, 0])]];
  return { viewPlaneNormal: normal as Core.Point3, viewUp: up as Core.Point3 };
}
