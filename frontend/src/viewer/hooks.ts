/** What the page listens to: keys, the wheel, the clock of the cine loop, the network. */

import { useEffect, useState, type RefObject } from "react";

import { meaningOf, perform } from "./commands";
import type { StudySession } from "./state/studySession";
import type { PaneSession } from "./state/paneSession";
import { paneAt, placeOfPane, useViewer } from "./state/viewerStore";

const WRITES_TEXT = "input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable], [role=combobox], [role=option]";
const OWNS_KEYS = "[role=slider]:not([data-keys=page]), [role=menu], [role=menuitem], [role=listbox], [role=dialog]";
// A focused button takes these itself.
const BUTTON_KEYS = new Set([" ", "Enter"]);

export function useKeys(session: StudySession | null): void {
  useEffect(() => {
    if (!session) return undefined;
    const onKeyDown = (event: KeyboardEvent): void => {
      const target = event.target instanceof Element ? event.target : null;
      if (target?.closest(`${WRITES_TEXT}, ${OWNS_KEYS}`)) return;
      if (BUTTON_KEYS.has(event.key) && target?.closest("button, a")) return;
      const meaning = meaningOf(event);
      if (meaning === null) return;
      event.preventDefault();
      perform(session, meaning);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => { window.removeEventListener("keydown", onKeyDown); };
  }, [session]);
}

/** Pixels of wheel that make a step: a notch of a mouse is about 100, a trackpad sends many small ones. */
const PIXELS_PER_STEP = 40;
const LINE_PIXELS = 33;

export function useWheel(ref: RefObject<HTMLElement | null>, session: StudySession, place: number): void {
  useEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    let rest = 0;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      if (event.ctrlKey) {
        session.grid.act(place, "zoom", () => { session.grid.pane(place).view?.zoomBy(Math.exp(-event.deltaY / 400)); });
        return;
      }
      const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * LINE_PIXELS;
      // One notch is one image, however far the system says it goes.
      const isNotch = Math.abs(pixels) >= PIXELS_PER_STEP;
      rest = isNotch ? 0 : rest + pixels;
      const steps = isNotch ? Math.sign(pixels) : Math.trunc(rest / PIXELS_PER_STEP);
      rest -= isNotch ? 0 : steps * PIXELS_PER_STEP;
      if (steps) session.grid.pane(place).scrollBy(steps);
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => { element.removeEventListener("wheel", onWheel); };
  }, [ref, session, place]);
}

/** Plays a pane: the times of a place where it was taken several times, else the stack; what has not come is waited for. */
export function useCine(pane: PaneSession): void {
  const { isPlaying, framesPerSecond } = useViewer((state) => paneAt(state, pane.place).cine);
  useEffect(() => {
    if (!isPlaying) return undefined;
    const timer = setInterval(() => {
      const state = useViewer.getState();
      const shown = paneAt(state, pane.place);
      const { index, count, phases } = placeOfPane(state, shown);
      if (phases > 1) {
        const phase = (shown.phase + 1) % phases;
        if (pane.isLoaded(phase * count + index)) pane.setPhase(phase);
        return;
      }
      const next = (index + 1) % Math.max(1, count);
      if (pane.isLoaded(next)) pane.goTo(next);
    }, 1000 / framesPerSecond);
    return () => { clearInterval(timer); };
  }, [pane, isPlaying, framesPerSecond]);
}

/** Returns whether the browser has a network. */
export function useOnline(): boolean {
  const [isOnline, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const update = (): void => { setOnline(navigator.onLine); };
    window.addEventListener("online", update);
    window.addEventListener("offline", update);
    return () => {
      window.removeEventListener("online", update);
      window.removeEventListener("offline", update);
    };
  }, []);
  return isOnline;
}
