/** Gives the parts of the page the open study. */

import { createContext, useContext, useEffect, useState } from "react";

import { StudySession } from "./state/studySession";

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
