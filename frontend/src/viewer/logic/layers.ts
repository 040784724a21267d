/** The pictures that a model lays over a slice: how they come, and how they are unpacked. */

export type LayerKind = "activation" | "mask" | "anomaly" | "reconstruction";

/** A picture of 0…255 over a box of the frame; a mask's values are numbers of segments. */
export interface Layer {
  kind: string;
  rows: number;
  columns: number;
  /** 1 grey, 3 colour. */
  channels: number;
  values: Uint8Array | Uint16Array;
  /** First row, first column, end row, end column of the box, in pixels of the frame. */
  region: Region;
  /** What 255 means. */
  scale: number;
}

export type Region = readonly [top: number, left: number, bottom: number, right: number];

/** A layer as its header tells of it. */
export interface LayerHeader {
  kind: string;
  shape: readonly number[];
  region: readonly number[];
  scale: number;
  offset: number;
  length: number;
}

/** All layers of a piece as they came. */
export interface Packed {
  payload: Uint8Array;
  encoding: string;
  layers: readonly LayerHeader[];
}

/** Returns the layers of a piece; one that is not as large as its header says is left out. */
export async function unpack({ payload, encoding, layers }: Packed): Promise<Layer[]> {
  const unpacked = await Promise.all(
    layers.map(async (header) => {
      const part = payload.subarray(header.offset, header.offset + header.length);
      return layerOf(header, encoding === "deflate" ? await inflate(part) : part);
    }),
  );
  return unpacked.filter((layer) => layer !== null);
}

function layerOf({ kind, shape, region, scale }: LayerHeader, values: Uint8Array): Layer | null {
  const [rows = 0, columns = 0, channels = 1] = shape;
  const [top = 0, left = 0, bottom = rows, right = columns] = region;
  const isWhole = rows > 0 && columns > 0 && [1, 3].includes(channels) && values.length === rows * columns * channels;
  return isWhole ? { kind, rows, columns, channels, values, region: [top, left, bottom, right], scale } : null;
}

/** Undoes "deflate", a zlib stream (RFC 1950). */
async function inflate(packed: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await new Response(inflated(new Blob([packed as Uint8Array<ArrayBuffer>]).stream())).arrayBuffer());
}

export const inflated = (stream: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array<ArrayBuffer>> =>
  stream.pipeThrough(new DecompressionStream("deflate"));

/** Keeps the layers of the pieces that were looked at last: all of a series' would be hundreds of megabytes. */
export class LayerCache {
  private readonly known = new Map<Packed, readonly Layer[] | "pending">();

  constructor(
    private readonly onReady: () => void,
    private readonly capacity = 40,
  ) {}

  /** Returns a piece's layers, or null while they are being unpacked; `onReady` is then called. */
  get(packed: Packed): readonly Layer[] | null {
    const found = this.known.get(packed);
    if (found === "pending") return null;
    if (found) {
      // The last one that was wanted is the last one to go.
      this.known.delete(packed);
      this.known.set(packed, found);
      return found;
    }
    this.known.set(packed, "pending");
    void unpack(packed)
      .catch(() => [])
      .then((layers) => {
        this.known.set(packed, layers);
        this.trim();
        this.onReady();
      });
    return null;
  }

  private trim(): void {
    for (const packed of this.known.keys()) {
      if (this.known.size <= this.capacity) return;
      if (this.known.get(packed) !== "pending") this.known.delete(packed);
    }
  }
}
