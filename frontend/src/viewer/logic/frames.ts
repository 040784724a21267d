/** Turns a series' metadata into the stack of frames that the viewer shows, in the order of the body. */

import { items, number, numbers, text, type DicomElement, type DicomJson } from "./dicomJson";
import { suvFactor } from "./suv";
import { cross, dot, normalize, subtract, vec3, type Vec3 } from "./vectors";
import type { FileWindow } from "./windows";

export interface Frame {
  imageId: string;
  sopInstanceUid: string;
  /** From 1, as DICOM counts. */
  frameNumber: number;
  instanceNumber: number | null;
  rows: number;
  columns: number;
  bytes: number;
  position: Vec3 | null;
  orientation: { row: Vec3; column: Vec3 } | null;
  sliceLocation: number | null;
  sliceThickness: number | null;
  /** Where distances come from; "none": they are in pixels. */
  spacing: "patient" | "detector" | "none";
  /** Between rows, between columns (mm). */
  pixelMm: readonly [number, number] | null;
  windows: FileWindow[];
  /** The unit of the values ("HU"), or "". */
  unit: string;
  /** Of PET: what makes standardized uptake values (g/ml) of these; null where that is not known. */
  suvFactor: number | null;
  frameOfReferenceUid: string;
  isColour: boolean;
  frameTimeMs: number | null;
  /** This frame's own metadata, its functional groups flattened. */
  metadata: DicomJson;
}

const T = {
  sopInstanceUid: "00080018",
  modality: "00080060",
  frameTime: "00181063",
  cineRate: "00180040",
  thickness: "00180050",
  detectorSpacing: "00181164",
  series: "0020000E",
  study: "0020000D",
  instanceNumber: "00200013",
  position: "00200032",
  orientation: "00200037",
  frameOfReference: "00200052",
  location: "00201041",
  samples: "00280002",
  photometric: "00280004",
  frames: "00280008",
  rows: "00280010",
  columns: "00280011",
  spacing: "00280030",
  bits: "00280100",
  center: "00281050",
  width: "00281051",
  rescaleType: "00281054",
  explanation: "00281055",
  shared: "52009229",
  perFrame: "52009230",
} as const;

/** Returns the frames of a series' instances below `root` (the team's DICOMweb address), in the order of the body. */
export function framesOf(root: string, instances: readonly DicomJson[]): Frame[] {
  return inBodyOrder(instances.flatMap((instance) => framesOfInstance(root, instance)));
}

function framesOfInstance(root: string, instance: DicomJson): Frame[] {
  if (number(instance, T.rows) === null || number(instance, T.columns) === null) return [];
  const count = Math.max(1, number(instance, T.frames) ?? 1);
  return Array.from({ length: count }, (_, index) => makeFrame(root, flatten(instance, index), index + 1));
}

/** Returns the metadata of one frame: what its functional groups (PS3.3 C.7.6.16) say lies beside the rest. */
function flatten(instance: DicomJson, index: number): DicomJson {
  const isGroup = (tag: string): boolean => [T.shared, T.perFrame, T.frames].some((one) => one === tag);
  const common = Object.fromEntries(Object.entries(instance).filter(([tag]) => !isGroup(tag)));
  const groups = [items(instance, T.shared)[0], items(instance, T.perFrame)[index]].filter((group) => group !== undefined);
  const macros = groups.flatMap((group) => Object.keys(group).flatMap((tag) => items(group, tag).slice(0, 1)));
  return completed(Object.assign(common, ...macros) as DicomJson);
}

/**
 * Returns metadata with what a viewport cannot do without. Projection images know their spacing at the detector only:
 * measuring there is better than not at all. A spacing of nothing is none.
 */
function completed(metadata: DicomJson): DicomJson {
  const spacing = [T.spacing, T.detectorSpacing].map((tag) => metadata[tag]).find(isSpacing);
  const modality = text(metadata, T.modality) ? metadata[T.modality] : { vr: "CS", Value: ["OT"] };
  return { ...metadata, [T.modality]: modality, [T.spacing]: spacing };
}

function isSpacing(element: DicomElement | undefined): boolean {
  const [betweenRows, betweenColumns] = (element?.Value ?? []).map(Number);
  return Number(betweenRows) > 0 && Number(betweenColumns) > 0;
}

function makeFrame(root: string, metadata: DicomJson, frameNumber: number): Frame {
  const sopInstanceUid = text(metadata, T.sopInstanceUid);
  const path = `studies/${text(metadata, T.study)}/series/${text(metadata, T.series)}/instances/${sopInstanceUid}`;
  const [rows, columns] = [number(metadata, T.rows) ?? 0, number(metadata, T.columns) ?? 0];
  const cosines = numbers(metadata, T.orientation);
  const [row, column] = [vec3(cosines.slice(0, 3)), vec3(cosines.slice(3, 6))];
  return {
    imageId: `wadors:${root}/${path}/frames/${frameNumber}`,
    sopInstanceUid,
    frameNumber,
    instanceNumber: number(metadata, T.instanceNumber),
    rows,
    columns,
    bytes: rows * columns * ((number(metadata, T.samples) ?? 1) * Math.ceil((number(metadata, T.bits) ?? 16) / 8)),
    position: vec3(numbers(metadata, T.position)),
    orientation: row && column ? { row, column } : null,
    sliceLocation: number(metadata, T.location),
    sliceThickness: number(metadata, T.thickness),
    spacing: spacingKind(metadata),
    pixelMm: pixelMm(metadata),
    windows: fileWindows(metadata),
    unit: unitOf(metadata),
    suvFactor: suvFactor(metadata),
    frameOfReferenceUid: text(metadata, T.frameOfReference),
    isColour: (number(metadata, T.samples) ?? 1) > 1 || text(metadata, T.photometric) === "PALETTE COLOR",
    frameTimeMs: number(metadata, T.frameTime) ?? perSecond(number(metadata, T.cineRate)),
    metadata,
  };
}

const perSecond = (rate: number | null): number | null => (rate ? 1000 / rate : null);

function spacingKind(metadata: DicomJson): Frame["spacing"] {
  if (!metadata[T.spacing]) return "none";
  return metadata[T.spacing] === metadata[T.detectorSpacing] ? "detector" : "patient";
}

function pixelMm(metadata: DicomJson): Frame["pixelMm"] {
  const [betweenRows, betweenColumns] = numbers(metadata, T.spacing);
  return betweenRows && betweenColumns ? [betweenRows, betweenColumns] : null;
}

function fileWindows(metadata: DicomJson): Frame["windows"] {
  const [centers, widths] = [numbers(metadata, T.center), numbers(metadata, T.width)];
  const explanations = metadata[T.explanation]?.Value ?? [];
  return centers.flatMap((center, index) => {
    const width = widths[index];
    const said = explanations[index];
    return width !== undefined && width >= 1 ? [{ center, width, explanation: typeof said === "string" ? said : "" }] : [];
  });
}

function unitOf(metadata: DicomJson): string {
  const said = text(metadata, T.rescaleType);
  if (said && said !== "US") return said;
  return text(metadata, T.modality) === "CT" ? "HU" : "";
}

/**
 * Orders frames along the normal of their common plane, in the direction in which they were numbered; where each place was
 * taken several times (perfusion, cardiac phases, echoes), one whole stack after the other. Other frames keep their
 * numbers' order.
 */
function inBodyOrder(frames: readonly Frame[]): Frame[] {
  const byNumber = [...frames].sort(byNumbers);
  const depths = depthsOf(byNumber);
  const turns = depths && turnsOf(depths);
  if (!depths || !turns) return byNumber;
  const [first, last] = [depths[0] ?? 0, depths.at(-1) ?? 0];
  const direction = last < first ? -1 : 1;
  const ordered = byNumber
    .map((frame, index) => ({ frame, depth: (depths[index] ?? 0) * direction, turn: turns[index] ?? 0 }))
    .sort((a, b) => a.turn - b.turn || a.depth - b.depth)
    .map(({ frame }) => frame);
  phases.set(ordered, Math.max(...turns) + 1);
  return ordered;
}
const phases = new WeakMap<readonly Frame[], number>();

/** Returns how often a series' places were taken: its frames are as many whole stacks, one after the other. */
export const phasesOf = (frames: readonly Frame[]): number => phases.get(frames) ?? 1;

/** Returns for each frame the how manieth at its place it is, from 0; null where places were not taken equally often. */
function turnsOf(depths: readonly number[]): number[] | null {
  const counts = new Map<number, number>();
  const turns = depths.map((depth) => {
    const place = Math.round(depth * 100);
    const turn = counts.get(place) ?? 0;
    counts.set(place, turn + 1);
    return turn;
  });
  const most = Math.max(...counts.values());
  const isEven = [...counts.values()].every((count) => count === most);
  // Several frames at one place alone are a film.
  return isEven && (most === 1 || counts.size > 1) ? turns : null;
}

const byNumbers = (a: Frame, b: Frame): number =>
  (a.instanceNumber ?? Infinity) - (b.instanceNumber ?? Infinity) || compareText(a.sopInstanceUid, b.sopInstanceUid) || a.frameNumber - b.frameNumber;

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Returns each frame's place along the normal (mm), or null where the frames are not parallel planes. */
function depthsOf(frames: readonly Frame[]): number[] | null {
  const first = frames[0];
  if (!first?.orientation || !first.position || frames.length < 2) return null;
  const origin = first.position;
  const normal = cross(first.orientation.row, first.orientation.column);
  const depths: number[] = [];
  for (const frame of frames) {
    if (!frame.orientation || !frame.position) return null;
    if (dot(normal, cross(frame.orientation.row, frame.orientation.column)) < 0.99) return null;
    depths.push(dot(subtract(frame.position, origin), normal));
  }
  return depths;
}

/**
 * Returns the frames of the stack that models run on, in the order in which the site counts slices: those of the size and
 * direction that most have, rising along their normal; in the order of their numbers where not all have a place.
 * `imaging.stacks.load_volume` does the same.
 */
export function stackOf(frames: readonly Frame[]): readonly Frame[] {
  const known = stacks.get(frames) ?? orderedStack(frames);
  stacks.set(frames, known);
  return known;
}
const stacks = new WeakMap<readonly Frame[], readonly Frame[]>();

/** Returns the place among the frames of a slice, counted as the site does; -1 where it is not there. */
export function placeOf(frames: readonly Frame[], slice: number): number {
  const frame = stackOf(frames)[slice];
  return frame ? frames.indexOf(frame) : -1;
}

function orderedStack(frames: readonly Frame[]): Frame[] {
  const byNumber = [...frames].sort(byNumbers);
  const grey = byNumber.filter((frame) => !frame.isColour);
  const eligible = grey.length ? grey : byNumber;
  const counts = new Map<string, number>();
  for (const frame of eligible) counts.set(kindOf(frame), (counts.get(kindOf(frame)) ?? 0) + 1);
  const most = [...counts].reduce((best, one) => (one[1] > best[1] ? one : best), ["", 0])[0];
  const stack = eligible.filter((frame) => kindOf(frame) === most);
  const depths = new Map(stack.map((frame) => [frame, depthOf(frame)]));
  if ([...depths.values()].includes(null)) return stack;
  return stack.sort((a, b) => (depths.get(a) ?? 0) - (depths.get(b) ?? 0));
}

function kindOf({ rows, columns, orientation }: Frame): string {
  const direction = orientation ? [...orientation.row, ...orientation.column].map((value) => Math.round(value * 100)) : [];
  return [rows, columns, ...direction].join();
}

/** Returns how far a frame lies along its own normal (mm); null where it does not say. */
const depthOf = ({ position, orientation }: Frame): number | null =>
  position && orientation ? dot(normalize(cross(orientation.row, orientation.column)), position) : null;

/** Returns the frame to open with: the middle of a stack through the body, else the first. */
export function firstIndex(frames: readonly Frame[]): number {
  const depths = depthsOf(frames);
  return depths && turnsOf(depths) ? Math.floor(frames.length / phasesOf(frames) / 2) : 0;
}
