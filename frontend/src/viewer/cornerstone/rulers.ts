/** Keeps Cornerstone's length annotations and the page's measurements the same. */

import { eventTarget, type Types as Core } from "@cornerstonejs/core";
import { annotation, Enums, type Types } from "@cornerstonejs/tools";

import type { Frame } from "../logic/frames";
import { frameKey } from "../logic/pieces";
import type { Measurement, Measurements } from "../logic/measurements";
import { cross, vec3 } from "../logic/vectors";
import { theEngine } from "./engine";
import { RulerTool } from "./tools";

const { Events } = Enums;
const RELEASES = ["pointerup", "mouseup", "touchend"] as const;

export class Rulers {
  private frames = new Map<string, Frame>();
  private isEdited = false;
  private isReplacing = false;

  constructor(private readonly onChanged: (measurements: Measurements) => void) {
    eventTarget.addEventListener(Events.ANNOTATION_COMPLETED, this.completed);
    eventTarget.addEventListener(Events.ANNOTATION_MODIFIED, this.modified);
    for (const name of RELEASES) window.addEventListener(name, this.released);
  }

  destroy(): void {
    eventTarget.removeEventListener(Events.ANNOTATION_COMPLETED, this.completed);
    eventTarget.removeEventListener(Events.ANNOTATION_MODIFIED, this.modified);
    for (const name of RELEASES) window.removeEventListener(name, this.released);
    annotation.state.removeAllAnnotations();
  }

  /** Puts these measurements in the place of all that are drawn. */
  replace(measurements: Measurements, frames: readonly Frame[]): void {
    this.frames = new Map(frames.map((frame) => [frame.imageId, frame]));
    const byKey = new Map(frames.map((frame) => [frameKey(frame.sopInstanceUid, frame.frameNumber), frame]));
    this.isReplacing = true;
    annotation.state.removeAllAnnotations();
    for (const measurement of measurements) {
      const frame = byKey.get(frameKey(measurement.sopInstanceUid, measurement.frameNumber));
      if (frame) annotation.state.addAnnotation(toAnnotation(measurement, frame), frame.frameOfReferenceUid);
    }
    this.isReplacing = false;
    theEngine().render();
  }

  select(id: string): void {
    annotation.selection.setAnnotationSelected(id);
    theEngine().render();
  }

  selected(): readonly string[] {
    return annotation.selection.getAnnotationsSelected();
  }

  private readonly completed = (): void => {
    this.report();
  };

  private readonly modified = (): void => {
    this.isEdited = !this.isReplacing;
  };

  /** A drag of a drawn line ends with the pointer: only then is it a step to undo. */
  private readonly released = (): void => {
    if (!this.isEdited) return;
    // The tool's own end of drawing comes with the same event; it reports by itself.
    setTimeout(() => {
      if (this.isEdited) this.report();
    });
  };

  private report(): void {
    this.isEdited = false;
    this.onChanged(annotation.state.getAllAnnotations().flatMap((one) => this.toMeasurement(one)));
  }

  private toMeasurement(one: Types.Annotation): Measurement[] {
    const frame = this.frames.get(one.metadata?.referencedImageId ?? "");
    const [start, end] = (one.data.handles?.points ?? []).map((point) => vec3([...point]));
    if (one.metadata?.toolName !== RulerTool.toolName || !frame || !start || !end || !one.annotationUID) return [];
    const { sopInstanceUid, frameNumber } = frame;
    return [{ id: one.annotationUID, sopInstanceUid, frameNumber, points: [start, end] }];
  }
}

function toAnnotation(measurement: Measurement, frame: Frame): Types.Annotation {
  return {
    annotationUID: measurement.id,
    highlighted: false,
    invalidated: true,
    isLocked: false,
    isVisible: true,
    metadata: { toolName: RulerTool.toolName, referencedImageId: frame.imageId, ...placeOf(frame) },
    data: {
      label: "",
      handles: {
        points: measurement.points.map((point) => [...point] as [number, number, number]),
        activeHandleIndex: null,
        textBox: {
          hasMoved: false,
          worldPosition: [0, 0, 0],
          worldBoundingBox: { topLeft: [0, 0, 0], topRight: [0, 0, 0], bottomLeft: [0, 0, 0], bottomRight: [0, 0, 0] },
        },
      },
      cachedStats: {},
    },
  } as Types.Annotation;
}

/** What an annotation must say to belong to a frame, whichever pane shows it. */
function placeOf({ frameOfReferenceUid, orientation }: Frame) {
  const { row, column } = orientation ?? { row: [1, 0, 0] as const, column: [0, 1, 0] as const };
  const normal = cross(row, column);
  return {
    FrameOfReferenceUID: frameOfReferenceUid,
    viewPlaneNormal: normal.map((one) => -one) as Core.Point3,
    viewUp: column.map((one) => -one) as Core.Point3,
  };
}
