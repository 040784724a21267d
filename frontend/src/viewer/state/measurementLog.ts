/** The measurements of the open study: drawn, undone, listed, and kept as a draft over a reload. */

import { Rulers } from "../cornerstone/rulers";
import { readDraft, writeDraft, type Measurements } from "../logic/measurements";
import type { UndoLog } from "../logic/undoLog";
import { useViewer } from "./viewerStore";

export class MeasurementLog {
  private readonly rulers: Rulers;
  private readonly stopFollowing: () => void;

  constructor(
    private readonly team: string,
    private readonly studyUid: string,
    private readonly undoLog: UndoLog,
  ) {
    this.rulers = new Rulers((measurements) => { this.record(measurements); });
    useViewer.setState({ measurements: readDraft(localStorage, team, studyUid) });
    // What was drawn on a series is seen as soon as its frames are known.
    this.stopFollowing = useViewer.subscribe((now, before) => { if (now.frames !== before.frames) this.draw(); });
  }

  destroy(): void {
    this.stopFollowing();
    this.rulers.destroy();
  }

  private draw(): void {
    const state = useViewer.getState();
    this.rulers.replace(state.measurements, Object.values(state.frames).flat());
  }

  /** Takes what has been drawn; told again what it knows, it makes no second step to undo of it. */
  private record(measurements: Measurements): void {
    const before = useViewer.getState().measurements;
    if (JSON.stringify(measurements) === JSON.stringify(before)) return;
    this.keep(measurements);
    const put = (all: Measurements) => (): void => {
      this.keep(all);
      this.draw();
    };
    this.undoLog.push({ undo: put(before), redo: put(measurements) });
  }

  remove(ids: readonly string[]): void {
    const { measurements } = useViewer.getState();
    const rest = measurements.filter((one) => !ids.includes(one.id));
    if (rest.length === measurements.length) return;
    this.record(rest);
    this.draw();
  }

  removeSelected(): void {
    this.remove(this.rulers.selected());
  }

  select(id: string): void {
    this.rulers.select(id);
  }

  private keep(measurements: Measurements): void {
    useViewer.setState({ measurements });
    writeDraft(localStorage, this.team, this.studyUid, measurements);
  }
}
