/** Counts the frames that have come, and tells the store of them a few times a second rather than for each. */

import { setLoading } from "./viewerStore";

const TELL_EVERY_MS = 200;
const LOADED = 1;
const FAILED = 2;

interface Count {
  imageIds: readonly string[];
  mask: Uint8Array;
}

export class Progress {
  private readonly counts = new Map<string, Count>();
  private readonly changed = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins to count a stack; a stack that grew keeps what it had. */
  begin(key: string, imageIds: readonly string[]): void {
    const before = this.counts.get(key);
    const known = new Map(before?.imageIds.map((id, index) => [id, before.mask[index] ?? 0]));
    this.counts.set(key, { imageIds, mask: Uint8Array.from(imageIds, (id) => known.get(id) ?? 0) });
    this.tell(key);
  }

  settled(key: string, index: number, ok: boolean): void {
    this.set(key, index, ok ? LOADED : FAILED);
  }

  forgotten(key: string, index: number): void {
    this.set(key, index, 0);
  }

  isComplete(key: string): boolean {
    return this.counts.get(key)?.mask.every((one) => one === LOADED) ?? false;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.counts.clear();
  }

  private set(key: string, index: number, value: number): void {
    const count = this.counts.get(key);
    if (!count) return;
    count.mask[index] = value;
    this.changed.add(key);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changed.forEach((one) => { this.tell(one); });
      this.changed.clear();
    }, TELL_EVERY_MS);
  }

  private tell(key: string): void {
    const count = this.counts.get(key);
    if (!count) return;
    const mask = Uint8Array.from(count.mask);
    const loaded = mask.filter((one) => one === LOADED).length;
    const failed = mask.filter((one) => one === FAILED).length;
    setLoading(key, { state: mask.length ? "frames" : "failed", loaded, failed, total: mask.length, mask });
  }
}
