/** Lines through points of their own, put on one axis for a plot that wants shared places. */

export type Point = readonly [number, number];

export interface Joined {
  x: number[];
  values: (number | null)[][];
}

// Steps go straight up: places must rise all the same, by less than anybody sees.
const NUDGE = 1e-9;

/** Returns the places of all lines in rising order, and each line's value there, or null. */
export function joined(lines: readonly (readonly Point[])[]): Joined {
  const risen = lines.map((line) => {
    let last = -Infinity;
    return line.map(([x, y]) => {
      last = x > last ? x : last + NUDGE;
      return [last, y] as const;
    });
  });
  const x = [...new Set(risen.flatMap((line) => line.map(([place]) => place)))].sort((a, b) => a - b);
  const at = new Map(x.map((place, index) => [place, index]));
  const values = risen.map((line) => {
    const row: (number | null)[] = x.map(() => null);
    for (const [place, value] of line) row[at.get(place) ?? 0] = value;
    return row;
  });
  return { x, values };
}
