/** What the signed-in user may do with analyses here; the site checks it again. */

import { includes, mayCancel, teamOf, useSession as useAccount } from "../../store/session";
import type { Job } from "./shapes";
import { useViewer } from "./viewerStore";

export function useMayRun(): boolean {
  const team = useViewer((state) => state.team);
  return useAccount(({ me }) => includes(teamOf(me, team)?.role, "reader"));
}

export function useMayPlaceAll(): boolean {
  const team = useViewer((state) => state.team);
  return useAccount(({ me }) => includes(teamOf(me, team)?.role, "researcher"));
}

export function useMayCancel(job: Job): boolean {
  const team = useViewer((state) => state.team);
  return useAccount(({ me }) => mayCancel(me, team, job));
}
