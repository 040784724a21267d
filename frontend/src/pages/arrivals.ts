/** New studies: the list they belong into is asked for again, at most once a second and a half however many come. */

import type { QueryClient } from "@tanstack/react-query";

import type { StudyRow } from "../store/queries";

const QUIET_MS = 1500;
const fresh = new Set<string>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Notes that a study has come which no shown page holds. */
export function noteArrival(client: QueryClient, row: StudyRow, key: readonly unknown[]): void {
  if (fresh.size > 500) fresh.clear();
  fresh.add(row.study_instance_uid);
  timer ??= setTimeout(() => {
    timer = undefined;
    void client.invalidateQueries({ queryKey: key });
  }, QUIET_MS);
}

/** Says whether a study came while the page was open. */
export const isArrival = (uid: string): boolean => fresh.has(uid);
