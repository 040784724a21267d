/** Decides which frame is fetched next: the visible one, then outwards from it; then the other series, as far as memory goes. */

export interface LoadItem {
  imageId: string;
  bytes: number;
}

interface Lane {
  items: readonly LoadItem[];
  state: Uint8Array;
  failures: Uint8Array;
  loaded: number;
}

/** What a pane looks at. */
export interface Focus {
  key: string;
  index: number;
}

export interface LoadHooks {
  load: (item: LoadItem) => Promise<unknown>;
  /** A frame has come (`ok`) or failed for good. */
  onSettled: (key: string, index: number, ok: boolean) => void;
  onComplete: (key: string) => void;
}

const WAITING = 0;
const LOADING = 1;
const LOADED = 2;
const FAILED = 3;
const MAX_TRIES = 3;
const RETRY_DELAY_MS = 400;

/** Yields 0…count-1 outwards from `centre`: centre, centre+1, centre-1, … */
export function* outwards(count: number, centre: number): Generator<number> {
  if (centre >= 0 && centre < count) yield centre;
  for (let step = 1; step < count; step += 1) {
    if (centre + step < count) yield centre + step;
    if (centre - step >= 0) yield centre - step;
  }
}

export class LoadQueue {
  private readonly lanes = new Map<string, Lane>();
  /** What each pane looks at, the one that is worked in first. */
  private foci: readonly Focus[] = [];
  private running = 0;
  private bytes = 0;
  private isPaused = false;

  constructor(
    private readonly hooks: LoadHooks,
    private readonly limits: { parallel: number; bytes: number },
  ) {}

  /** Sets a series' frames; those already known under their image id keep their state. */
  setLane(key: string, items: readonly LoadItem[]): void {
    const before = this.lanes.get(key);
    const known = new Map(before?.items.map((item, index) => [item.imageId, before.state[index] ?? WAITING]));
    const state = Uint8Array.from(items, (item) => known.get(item.imageId) ?? WAITING);
    const loaded = state.filter((one) => one === LOADED).length;
    this.lanes.set(key, { items, state, failures: new Uint8Array(items.length), loaded });
    this.pump();
  }

  /** Says what is looked at, in each pane, what matters most first. Of what is looked at, failures are forgotten. */
  focus(foci: readonly Focus[]): void {
    this.foci = foci;
    for (const { key, index } of foci) {
      const lane = this.lanes.get(key);
      if (lane?.state[index] === FAILED) lane.state[index] = WAITING;
    }
    this.pump();
  }

  isLoaded(key: string, index: number): boolean {
    return this.lanes.get(key)?.state[index] === LOADED;
  }

  hasFailed(key: string, index: number): boolean {
    return this.lanes.get(key)?.state[index] === FAILED;
  }

  /** Takes back a frame that memory has given up. */
  forget(imageId: string): { key: string; index: number } | null {
    for (const [key, lane] of this.lanes) {
      const index = lane.items.findIndex((item) => item.imageId === imageId);
      if (index >= 0 && lane.state[index] === LOADED) {
        lane.state[index] = WAITING;
        lane.loaded -= 1;
        this.bytes -= lane.items[index]?.bytes ?? 0;
        return { key, index };
      }
    }
    return null;
  }

  pause(): void {
    this.isPaused = true;
  }

  /** Goes on, and tries again what had failed. */
  resume(): void {
    this.isPaused = false;
    for (const lane of this.lanes.values()) {
      lane.state.forEach((state, index) => {
        if (state === FAILED) lane.state[index] = WAITING;
      });
      lane.failures.fill(0);
    }
    this.pump();
  }

  stop(): void {
    this.isPaused = true;
    this.lanes.clear();
  }

  private pump(): void {
    while (!this.isPaused && this.running < this.limits.parallel) {
      const next = this.next();
      if (!next) return;
      void this.start(next.key, next.lane, next.index);
    }
  }

  private next(): { key: string; lane: Lane; index: number } | null {
    // What is looked at is always fetched; ahead of need only as far as memory goes.
    for (const { key, index } of this.foci) {
      const lane = this.lanes.get(key);
      if (lane?.state[index] === WAITING) return { key, lane, index };
    }
    if (this.bytes >= this.limits.bytes) return null;
    const centres = new Map(this.foci.map(({ key, index }) => [key, index] as const).reverse());
    const keys = new Set([...this.foci.map(({ key }) => key), ...this.lanes.keys()]);
    for (const key of keys) {
      const lane = this.lanes.get(key);
      if (!lane || lane.loaded === lane.items.length) continue;
      for (const index of outwards(lane.items.length, centres.get(key) ?? Math.floor(lane.items.length / 2))) {
        if (lane.state[index] === WAITING) return { key, lane, index };
      }
    }
    return null;
  }

  private async start(key: string, lane: Lane, index: number): Promise<void> {
    const item = lane.items[index];
    if (!item) return;
    lane.state[index] = LOADING;
    this.running += 1;
    this.bytes += item.bytes;
    const ok = await this.hooks.load(item).then(
      () => true,
      () => false,
    );
    if (!ok) await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
    this.running -= 1;
    if (!ok) this.bytes -= item.bytes;
    this.settle(key, item, ok);
    this.pump();
  }

  /** Writes the outcome into the lane as it is now: it may have grown meanwhile. */
  private settle(key: string, item: LoadItem, ok: boolean): void {
    const lane = this.lanes.get(key);
    const index = lane?.items.findIndex((one) => one.imageId === item.imageId) ?? -1;
    if (!lane || index < 0) return;
    if (ok) {
      lane.state[index] = LOADED;
      lane.loaded += 1;
    } else {
      lane.failures[index] = (lane.failures[index] ?? 0) + 1;
      lane.state[index] = (lane.failures[index] ?? 0) < MAX_TRIES ? WAITING : FAILED;
      if (lane.state[index] === WAITING) return;
    }
    this.hooks.onSettled(key, index, ok);
    if (lane.loaded === lane.items.length) this.hooks.onComplete(key);
  }
}
