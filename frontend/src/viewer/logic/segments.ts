/** How segments and classes look: colours that colour-blind people tell apart, and what a person has chosen instead. */

export interface SegmentStyle {
  /** #rrggbb */
  colour: string;
  opacity: number;
  isVisible: boolean;
}

/** Okabe and Ito (2008), without black; on grey images the light ones come first. */
export const PALETTE: readonly string[] = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2"];

export const colourOf = (number: number): string => PALETTE[(number - 1) % PALETTE.length] ?? "#E69F00";

export const defaultStyle = (number: number): SegmentStyle => ({ colour: colourOf(number), opacity: 1, isVisible: true });

/** Returns the red, green and blue of #rrggbb. */
export function channelsOf(colour: string): readonly [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** The colours of a mask's numbers, as bytes of an image from the lowest: red, green, blue, alpha. */
export type ColourTable = Uint32Array;

/** Returns the colours of the numbers up to `highest`; 0, and what is hidden, is clear. */
export function colourTable(highest: number, styleOf: (number: number) => SegmentStyle): ColourTable {
  const table = new Uint32Array(highest + 1);
  const bytes = new DataView(table.buffer);
  for (let number = 1; number <= highest; number += 1) {
    const { colour, opacity, isVisible } = styleOf(number);
    const [red, green, blue] = channelsOf(colour);
    [red, green, blue, isVisible ? Math.round(opacity * 255) : 0].forEach((byte, place) => { bytes.setUint8(number * 4 + place, byte); });
  }
  return table;
}

/** What of a slice belongs to each number: corners of its outline, in pixels, as segments x0, y0, x1, y1. */
export type Outlines = ReadonlyMap<number, readonly number[]>;

/** Returns the borders between pixels of different numbers, each run of them as one segment, for each of its two sides. */
export function outlinesOf(values: ArrayLike<number>, rows: number, columns: number): Outlines {
  const found = new Map<number, number[]>();
  const add = (number: number, x0: number, y0: number, x1: number, y1: number): void => {
    if (!number) return;
    const known = found.get(number);
    if (known) known.push(x0, y0, x1, y1);
    else found.set(number, [x0, y0, x1, y1]);
  };
  const at = (row: number, column: number): number =>
    row < 0 || column < 0 || row >= rows || column >= columns ? 0 : (values[row * columns + column] ?? 0);
  const scan = (lines: number, places: number, pair: (line: number, place: number) => readonly [number, number], put: typeof add): void => {
    for (let line = 0; line <= lines; line += 1) {
      let [from, one, other] = [0, 0, 0];
      for (let place = 0; place <= places; place += 1) {
        const [next, across] = place < places ? pair(line, place) : [0, 0];
        if (next === one && across === other) continue;
        if (one !== other) for (const number of [one, other]) put(number, from, line, place, line);
        [from, one, other] = [place, next, across];
      }
    }
  };
  scan(rows, columns, (row, column) => [at(row - 1, column), at(row, column)], add);
  scan(columns, rows, (column, row) => [at(row, column - 1), at(row, column)], (number, x0, y0, x1, y1) => { add(number, y0, x0, y1, x1); });
  return found;
}
