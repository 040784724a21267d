/** Undo and redo of everything that is done in the viewer: each thing done says how it is undone and done again. */

export interface Step {
  undo: () => void;
  redo: () => void;
  /** A step of the same key within a moment goes on with the one before: twenty turns of a wheel are one. */
  key?: string;
}

const DEPTH = 200;
const MOMENT_MS = 700;

export class UndoLog {
  private past: (Step & { at: number })[] = [];
  private future: (Step & { at: number })[] = [];
  private isBusy = false;

  constructor(
    private readonly onChanged: (canUndo: boolean, canRedo: boolean) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes what has been done. Steps that undoing itself brings about are none. */
  push(step: Step): void {
    if (this.isBusy) return;
    const at = this.now();
    const last = this.past.at(-1);
    if (last && step.key !== undefined && step.key === last.key && at - last.at < MOMENT_MS) {
      this.past[this.past.length - 1] = { ...step, undo: last.undo, at };
    } else {
      this.past = [...this.past, { ...step, at }].slice(-DEPTH);
    }
    this.future = [];
    this.tell();
  }

  undo(): void {
    const step = this.past.pop();
    if (!step) return;
    this.perform(step.undo);
    this.future.push({ ...step, at: -Infinity });
    this.tell();
  }

  redo(): void {
    const step = this.future.pop();
    if (!step) return;
    this.perform(step.redo);
    this.past.push({ ...step, at: -Infinity });
    this.tell();
  }

  private perform(act: () => void): void {
    this.isBusy = true;
    try {
      act();
    } finally {
      this.isBusy = false;
    }
  }

  private tell(): void {
    this.onChanged(this.past.length > 0, this.future.length > 0);
  }
}
