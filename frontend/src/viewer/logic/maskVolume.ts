/** A whole series' mask in little memory: each slice as runs of one number. */

import type { Layer } from "./layers";

type Numbers = Uint8Array | Uint16Array;

interface Runs {
  values: Uint16Array;
  /** Where each run ends. */
  ends: Uint32Array;
}

export class MaskVolume {
  private readonly slices: Runs[] = [];
  private readonly rest: Uint8Array;
  private filled = 0;
  private last: { index: number; layer: Layer } | null = null;

  /** `shape`: slices, rows, columns. */
  constructor(
    private readonly shape: readonly [number, number, number],
    private readonly bytesPerVoxel: 1 | 2,
  ) {
    this.rest = new Uint8Array(shape[1] * shape[2] * bytesPerVoxel);
  }

  /** Takes the next bytes: voxels in C order, little endian. */
  push(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length && this.slices.length < this.shape[0]) {
      const part = chunk.subarray(from, from + this.rest.length - this.filled);
      this.rest.set(part, this.filled);
      this.filled += part.length;
      from += part.length;
      if (this.filled === this.rest.length) this.close();
    }
  }

  private close(): void {
    this.slices.push(runsOf(this.numbers(this.rest)));
    this.filled = 0;
  }

  private numbers(bytes: Uint8Array): Numbers {
    if (this.bytesPerVoxel === 1) return bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Uint16Array.from({ length: bytes.length / 2 }, (_, index) => view.getUint16(index * 2, true));
  }

  get isWhole(): boolean {
    return this.slices.length === this.shape[0];
  }

  /** Returns a slice's mask; null where there is none. */
  layer(index: number): Layer | null {
    if (this.last?.index === index) return this.last.layer;
    const runs = this.slices[index];
    if (!runs) return null;
    const [, rows, columns] = this.shape;
    const values = this.bytesPerVoxel === 1 ? new Uint8Array(rows * columns) : new Uint16Array(rows * columns);
    let from = 0;
    runs.ends.forEach((end, run) => {
      values.fill(runs.values[run] ?? 0, from, end);
      from = end;
    });
    const layer: Layer = { kind: "mask", rows, columns, channels: 1, values, region: [0, 0, rows, columns], scale: 1 };
    this.last = { index, layer };
    return layer;
  }
}

function runsOf(numbers: Numbers): Runs {
  const [values, ends]: [number[], number[]] = [[], []];
  for (let from = 0; from < numbers.length; ) {
    const value = numbers[from] ?? 0;
    let end = from + 1;
    while (end < numbers.length && numbers[end] === value) end += 1;
    values.push(value);
    ends.push(end);
    from = end;
  }
  return { values: Uint16Array.from(values), ends: Uint32Array.from(ends) };
}
