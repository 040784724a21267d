// @vitest-environment node
import { describe, expect, it } from "vitest";

import { cutThrough, fitOf, gridOf, meeting, movedTo, nearestWithin, stepOf, travelOf, turned, type Grid } from "./cuts";
import type { Frame } from "./frames";

const GRID: Grid = { dimensions: [100, 80, 40], spacing: [0.5, 0.5, 2], origin: [-25, -20, 100], axes: [[1, 0, 0], [0, 1, 0], [0, 0, 1]] };
const frame = (z: number, change: Partial<Frame> = {}): Frame =>
  ({ position: [0, 0, z], orientation: { row: [1, 0, 0], column: [0, 1, 0] }, pixelMm: [0.7, 0.5], rows: 80, columns: 100, isColour: false, ...change }) as Frame;

describe("a cut", () => {
  const cut = cutThrough(GRID);

  it("begins in the middle of the volume", () => {
    expect(cut.center).toEqual([-25 + 99 * 0.25, -20 + 79 * 0.25, 139]);
  });

  it("moves a plane by the slices of the volume, and no further than that", () => {
    const travel = travelOf(GRID, cut.facings.axial);
    expect(travel).toEqual({ first: 100, step: 2, count: 40 });
    const moved = movedTo(cut, "axial", travel, 3);
    expect(moved.center[2]).toBeCloseTo(106);
    expect(stepOf(travel, cut.facings.axial, moved.center)).toBe(3);
    expect(movedTo(cut, "axial", travel, 99).center[2]).toBeCloseTo(178);
    expect(moved.center.slice(0, 2)).toEqual(cut.center.slice(0, 2));
  });

  it("turns the other planes about the one that is looked at", () => {
    const oblique = turned(cut, "axial", Math.PI / 2);
    expect(oblique.facings.axial).toBe(cut.facings.axial);
    expect(Math.abs(oblique.facings.coronal.normal[0])).toBeCloseTo(1);
    expect(Math.abs(oblique.facings.coronal.up[2])).toBeCloseTo(1);
    expect(meeting(oblique.facings.axial, oblique.facings.axial)).toBeNull();
  });
});

describe("a volume", () => {
  it("is not left by what is moved through it", () => {
    expect(nearestWithin(GRID, [0, 0, 110])).toEqual([0, 0, 110]);
    expect(nearestWithin(GRID, [-90, 500, 99])).toEqual([-25, 19.5, 100]);
  });
});

describe("a stack", () => {
  it("is a volume where its slices are parallel, grey and have a place", () => {
    expect(fitOf([0, 2, 4, 6].map((z) => frame(z)))).toBe("fits");
    expect(fitOf([0, 2, 4, 9].map((z) => frame(z)))).toBe("uneven");
    expect(fitOf([0, 2].map((z) => frame(z)))).toBe("too_few");
    expect(fitOf([0, 2, 4].map((z) => frame(z, { isColour: true })))).toBe("colour");
    expect(fitOf([0, 2, 4].map((z) => frame(z, { position: null })))).toBe("no_place");
    expect(fitOf([3, 3, 3].map((z) => frame(z)))).toBe("not_parallel");
  });

  it("has the grid that its voxels lie on", () => {
    expect(gridOf([10, 12, 14].map((z) => frame(z)))).toEqual({
      dimensions: [100, 80, 3], spacing: [0.5, 0.7, 2], origin: [0, 0, 10], axes: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    });
  });
});
