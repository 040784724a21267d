/** Where the pictures of the other panes lie in this one. */

import { lineOf } from "../logic/planes";
import { usePane, usePaneSession, usePlace } from "../session";
import { paneAt, shownFrameOf, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";

export function ReferenceLines() {
  const isOn = useViewer((state) => state.hasReferenceLines && state.panes.length > 1);
  return isOn ? <Lines /> : null;
}

function Lines() {
  const pane = usePaneSession();
  const place = usePlace();
  const panes = useViewer((state) => state.panes);
  const active = useViewer((state) => state.active);
  // What is drawn follows every move of the picture.
  usePane((own) => own.view);
  const { view } = pane;
  const state = useViewer.getState();
  const own = paneAt(state, place);
  const frame = shownFrameOf(state, own);
  if (own.kind !== "stack" || !view || !frame) return null;
  const lines = panes.flatMap((other, at) => {
    const theirs = at === place || other.kind !== "stack" ? undefined : shownFrameOf(state, other);
    if (!theirs || theirs.frameOfReferenceUid !== frame.frameOfReferenceUid) return [];
    const line = lineOf(theirs, frame);
    return line ? [{ at, ends: line.map((end) => view.toCanvas(end)) }] : [];
  });
  return (
    <svg className={styles.lines} aria-hidden data-testid="reference-lines">
      {lines.map(({ at, ends: [from, to] }) => from && to && (
        <line key={at} x1={from[0]} y1={from[1]} x2={to[0]} y2={to[1]} data-active={at === active || undefined} />
      ))}
    </svg>
  );
}
