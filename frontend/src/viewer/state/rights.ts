/** What the signed-in user may do with analyses here; the site checks it again. */

import { includes, teamOf, useSession as useAccount } from "../../store/session";
import type { Job } from "./shapes";
import { useViewer } from "./viewerStore";

export function useMayRun(): boolean {
  const team = useViewer((state) => state.team);
  return useAccount(({ me }) => includes(teamOf(me, team)?.role, "reader"));
}

/** A job is stopped by who started it, or by a manager. */
export function useMayCancel(job: Job): boolean {
  const team = useViewer((state) => state.team);
  return useAccount(({ me }) => {
    const role = teamOf(me, team)?.role;
    return role === "manager" || (job.created_by === me?.username && includes(role, "reader"));
  });
}
