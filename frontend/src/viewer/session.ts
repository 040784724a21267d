/** Gives the parts of the page the open study. */

import { createContext, useContext, useEffect, useState } from "react";

import type { PaneSession } from "./state/paneSession";
import { StudySession } from "./state/studySession";
import { paneAt, useViewer, type PaneState, type ViewerState } from "./state/viewerStore";

export const SessionContext = createContext<StudySession | null>(null);

/** How the viewer is left. */
export const CloseContext = createContext<() => void>(() => undefined);
export const useClose = (): (() => void) => useContext(CloseContext);

/** How a series of another study is opened. */
export const OpenContext = createContext<(studyUid: string, seriesUid: string) => void>(() => undefined);
export const useOpen = (): ((studyUid: string, seriesUid: string) => void) => useContext(OpenContext);

/** Opens a study for as long as the component lives. */
export function useStudySession(team: string, studyUid: string): StudySession | null {
  const [session, setSession] = useState<StudySession | null>(null);
  useEffect(() => {
    const opened = new StudySession(team, studyUid);
    setSession(opened);
    return () => {
      setSession(null);
      opened.destroy();
    };
  }, [team, studyUid]);
  return session;
}

export function useSession(): StudySession {
  const session = useContext(SessionContext);
  if (!session) throw new Error("The viewer's parts live inside ViewerPage.");
  return session;
}

/** In which pane a part of the page lies; parts beside the panes speak of the active one. */
export const PaneContext = createContext<number | null>(null);

/** Returns the place of the pane that a part lies in, else of the active one. */
export function usePlace(): number {
  const place = useContext(PaneContext);
  const active = useViewer((state) => state.active);
  return place ?? active;
}

/** Returns something of the pane's state. */
export function usePane<Value>(select: (pane: PaneState, state: ViewerState) => Value): Value {
  const place = usePlace();
  return useViewer((state) => select(paneAt(state, place), state));
}

export function usePaneSession(): PaneSession {
  const place = usePlace();
  return useSession().grid.pane(place);
}
