/** What the signed-in user may do with analyses here; the site checks it again. */

import { includes, mayCancel, teamOf, useSession as useAccount } from "../../store/session";
import type { Job } from "./shapes";
import { useViewer } from "./viewerStore";

export function useMayRun(): boolean {
  const team = useViewer((state) => state.team);
  return useAccount(({ me }) => includes(teamOf(me, team)?.role, "reader"));
}

/** Whether what is drawn in a team is kept: asked once, when a study is opened. */
export const mayAnnotate = (team: string): boolean => includes(teamOf(useAccount.getState().me, team)?.role, "reader");

/** Whether the signed-in user keeps the team's layouts. */
export const mayManage = (team: string): boolean => includes(teamOf(useAccount.getState().me, team)?.role, "manager");

/** Drafts in the browser are of who made them. */
export const userName = (): string => useAccount.getState().me?.username ?? "";

export function useMayPlaceAll(): boolean {
  const team = useViewer((state) => state.team);
  return useAccount(({ me }) => includes(teamOf(me, team)?.role, "researcher"));
}

export function useMayCancel(job: Job): boolean {
  const team = useViewer((state) => state.team);
  return useAccount(({ me }) => mayCancel(me, team, job));
}
