/** All panes, as they are laid out, and the model's plot below them. */

import { useViewer } from "../state/viewerStore";
import { PaneContext } from "../session";
import styles from "../viewer.module.css";
import { ProbabilityPlot } from "./ProbabilityPlot";
import { Viewport } from "./Viewport";

export function PaneArea() {
  const rows = useViewer((state) => state.rows);
  const columns = useViewer((state) => state.columns);
  const maximized = useViewer((state) => (state.isMaximized ? state.active : null));
  const grid = maximized === null ? { gridTemplate: `repeat(${rows}, minmax(0, 1fr)) / repeat(${columns}, minmax(0, 1fr))` } : { gridTemplate: "minmax(0, 1fr) / minmax(0, 1fr)" };
  return (
    <div className={styles.viewport}>
      <div className={styles.paneGrid} style={grid} data-testid="panes">
        {Array.from({ length: rows * columns }, (_, place) => (
          <PaneContext key={place} value={place}>
            <div className={styles.cell} hidden={maximized !== null && maximized !== place}><Viewport /></div>
          </PaneContext>
        ))}
      </div>
      <ProbabilityPlot />
    </div>
  );
}
