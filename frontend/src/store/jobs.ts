/** One job that a page has asked for itself: followed on its own topic until it is over. */

import { useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { api, dataOf, type Schemas } from "../api/client";
import { socket, type TopicEvent } from "../api/socket";
import type { Job } from "./queries";

const FINAL: readonly Job["state"][] = ["succeeded", "failed", "cancelled"];
export const isOver = (job: Job): boolean => FINAL.includes(job.state);

/** The newer of two states of a job. */
export const newerJob = (old: Job | undefined, job: Job): Job => (old && old.revision > job.revision ? old : job);

/** Follows a job; `onEvent` gets what else its topic tells, from its beginning. */
export function useJob(team: string, id: string | null, onEvent?: (event: TopicEvent) => void): UseQueryResult<Job> {
  const client = useQueryClient();
  const query = useQuery({
    queryKey: ["job", team, id],
    enabled: id !== null,
    queryFn: () => dataOf(api.GET("/api/v1/teams/{team}/jobs/{job_id}/", { params: { path: { team, job_id: id ?? "" } } })),
  });
  const isThere = query.isSuccess;
  useEffect(() => {
    if (id === null || !isThere) return undefined;
    const key = ["job", team, id];
    return socket.subscribe(
      `job:${id}`,
      {
        onEvent: (event) => {
          if (event.type === "job.changed") client.setQueryData<Job>(key, (old) => newerJob(old, event.data as unknown as Job));
          onEvent?.(event);
        },
        onResync: () => void client.invalidateQueries({ queryKey: key }),
      },
      0,
    );
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the topic is followed once, whatever listens to it now
  }, [client, team, id, isThere]);
  return query;
}

/** The pictures of augmented samples that a preview job tells, and the job. */
export function usePreviewJob(team: string, id: string | null): { job: UseQueryResult<Job>; told: Schemas["TrainingPreviews"] | null } {
  const [told, setTold] = useState<{ id: string; pictures: Schemas["TrainingPreviews"] } | null>(null);
  const job = useJob(team, id, (event) => {
    if (event.type !== "training.previews" || id === null) return;
    setTold({ id, pictures: event.data as unknown as Schemas["TrainingPreviews"] });
  });
  return { job, told: told && told.id === id ? told.pictures : null };
}
