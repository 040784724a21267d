/** The measurements of the open series: drawn, undone, listed, and kept as a draft over a reload. */

import type { Rulers } from "../cornerstone/rulers";
import { advance, begin, redo, undo, type History } from "../logic/history";
import { readDraft, writeDraft, type Measurements } from "../logic/measurements";
import { activeFrames, useViewer } from "./viewerStore";

export class MeasurementLog {
  private seriesUid = "";

  constructor(
    private readonly team: string,
    private readonly rulers: () => Rulers | null,
  ) {}

  open(seriesUid: string): void {
    this.seriesUid = seriesUid;
    useViewer.setState({ measurements: begin(readDraft(localStorage, this.team, seriesUid)) });
  }

  /** Draws what is kept; call it when the series' stack has been mounted. */
  draw(): void {
    const state = useViewer.getState();
    this.rulers()?.replace(state.measurements.present, activeFrames(state));
  }

  /** Takes what has been drawn; told again what it knows, it makes no second step to undo of it. */
  record(measurements: Measurements): void {
    const history = useViewer.getState().measurements;
    if (JSON.stringify(measurements) !== JSON.stringify(history.present)) this.keep(advance(history, measurements));
  }

  undo(): void {
    this.keep(undo(useViewer.getState().measurements));
    this.draw();
  }

  redo(): void {
    this.keep(redo(useViewer.getState().measurements));
    this.draw();
  }

  remove(ids: readonly string[]): void {
    const { measurements } = useViewer.getState();
    const rest = measurements.present.filter((one) => !ids.includes(one.id));
    if (rest.length === measurements.present.length) return;
    this.record(rest);
    this.draw();
  }

  removeSelected(): void {
    this.remove(this.rulers()?.selected() ?? []);
  }

  select(id: string): void {
    this.rulers()?.select(id);
  }

  private keep(measurements: History<Measurements>): void {
    useViewer.setState({ measurements });
    writeDraft(localStorage, this.team, this.seriesUid, measurements.present);
  }
}
