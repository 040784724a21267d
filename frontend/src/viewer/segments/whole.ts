/** What is done to a whole segment at a press of a button, as one step that can be undone. */

import type { Slices } from "../segmentation/box";
import { figuresOf, grownFrom, interpolated, keptIslands, smoothed, withinRange, withMargin, type Figures, type Spacing } from "../segmentation/edits";
import { combined, isSameRuns, NO_RUNS, type Logic, type Runs } from "../segmentation/runs";
import { voxelMl, type Space } from "../segmentation/space";
import type { SegmentSession } from "../state/segmentSession";
import { activeSegment, useSegments } from "../state/segmentsStore";
import { extentOf, valuesIn } from "./stroke";

export const WHOLE_ACTS = ["interpolate", "smooth", "largest", "small", "grow_mm", "shrink_mm", "threshold", "clear"] as const;
export type WholeAct = (typeof WHOLE_ACTS)[number];

const SMALL_VOXELS = 30;

const spacingOf = ({ spacing }: Space): Spacing => [spacing[2], spacing[1], spacing[0]];

export function slicesOf(session: SegmentSession, number: number, space: Space): Map<number, Runs> {
  const frames = session.voxels.framesOf(number);
  return new Map([...frames].flatMap(([key, runs]) => {
    const slice = space.indexOf.get(key);
    return slice === undefined ? [] : [[slice, runs] as const];
  }));
}

/** Puts slices of a segment, as one step; those that are as they were are left alone. */
export function putSlices(session: SegmentSession, act: string, number: number, space: Space, slices: Slices): void {
  const frames = [...slices].flatMap(([slice, runs]) => {
    const key = space.keys[slice];
    return key === undefined || isSameRuns(session.voxels.get(number, key), runs) ? [] : [[key, runs] as const];
  });
  if (frames.length) session.change(act, new Map([[number, new Map(frames)]]));
}

/** Does it to the active segment, unless that is locked. */
export async function doWhole(session: SegmentSession, space: Space, what: WholeAct, marginMm: number): Promise<void> {
  const segment = activeSegment(useSegments.getState());
  if (!segment || segment.is_locked) return;
  useSegments.setState({ busy: what });
  // The page says that it is busy before it is.
  await new Promise((resolve) => setTimeout(resolve, 30));
  try {
    const { number } = segment;
    const [act, slices] = compute(space, what, slicesOf(session, number, space), marginMm);
    putSlices(session, act, number, space, slices);
  } finally {
    useSegments.setState({ busy: "" });
  }
}

function compute(space: Space, what: WholeAct, slices: Slices, marginMm: number): [string, Map<number, Runs>] {
  const [extent, spacing] = [extentOf(space), spacingOf(space)];
  switch (what) {
    case "interpolate":
      return ["interpolate", interpolated(slices, extent, spacing)];
    case "smooth":
      return ["smooth", smoothed(slices, extent, space.isVolume)];
    case "largest":
      return ["islands", keptIslands(slices, extent, "largest")];
    case "small":
      return ["islands", keptIslands(slices, extent, { atLeast: SMALL_VOXELS })];
    case "grow_mm":
      return ["margin", withMargin(slices, extent, spacing, marginMm, space.isVolume)];
    case "shrink_mm":
      return ["margin", withMargin(slices, extent, spacing, -marginMm, space.isVolume)];
    case "threshold":
      return ["threshold", thresholded(space)];
    case "clear":
      return ["erase", new Map([...slices.keys()].map((slice) => [slice, NO_RUNS]))];
  }
}

/** Returns what lies within the chosen range, on all slices that have come. */
function thresholded(space: Space): Map<number, Runs> {
  const { range } = useSegments.getState();
  if (!range) return new Map();
  return new Map(space.frames.flatMap((_, slice) => {
    const values = valuesIn(space)(slice);
    return values ? [[slice, withinRange(values, range)] as const] : [];
  }));
}

/** Combines the active segment with another one. */
export function combine(session: SegmentSession, space: Space, other: number, logic: Logic): void {
  const segment = activeSegment(useSegments.getState());
  if (!segment || segment.is_locked) return;
  const [own, theirs] = [slicesOf(session, segment.number, space), slicesOf(session, other, space)];
  const slices = new Map([...new Set([...own.keys(), ...theirs.keys()])].map((slice) => [slice, combined(own.get(slice) ?? NO_RUNS, theirs.get(slice) ?? NO_RUNS, logic)]));
  putSlices(session, "logic", segment.number, space, slices);
}

/** Fills what hangs together with a voxel and lies in the range; without one, within a tenth of the window around its value. */
export async function growAt(session: SegmentSession, space: Space, seed: readonly [number, number], tolerance: number, isVolume: boolean): Promise<void> {
  const segment = activeSegment(useSegments.getState());
  const value = valuesIn(space)(seed[0])?.[seed[1]];
  if (!segment || segment.is_locked || value === undefined) return;
  const range = useSegments.getState().range ?? { low: value - tolerance, high: value + tolerance };
  useSegments.setState({ busy: "grow" });
  try {
    const pause = async (): Promise<boolean> => {
      await new Promise((resolve) => setTimeout(resolve));
      return useSegments.getState().busy === "grow";
    };
    const grown = await grownFrom(seed, extentOf(space), valuesIn(space), range, isVolume && space.isVolume, pause);
    if (!grown) return;
    const own = slicesOf(session, segment.number, space);
    putSlices(session, "grow", segment.number, space, new Map([...grown].map(([slice, runs]) => [slice, combined(own.get(slice) ?? NO_RUNS, runs, "union")])));
  } finally {
    useSegments.setState({ busy: "" });
  }
}

/** Takes the island that holds a voxel out of the active segment; with `others`, everything but that island. */
export function islandAt(session: SegmentSession, space: Space, at: readonly [number, number], others: boolean): void {
  const segment = activeSegment(useSegments.getState());
  if (!segment || segment.is_locked) return;
  const own = slicesOf(session, segment.number, space);
  const island = keptIslands(own, extentOf(space), { at });
  const left = others ? island : new Map([...own].map(([slice, runs]) => [slice, combined(runs, island.get(slice) ?? NO_RUNS, "subtract")]));
  putSlices(session, "islands", segment.number, space, left);
}

export const measured = (session: SegmentSession, space: Space, number: number): Figures =>
  figuresOf(slicesOf(session, number, space), extentOf(space), spacingOf(space), voxelMl(space), valuesIn(space));
