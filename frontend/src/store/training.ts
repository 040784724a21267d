/** One training run as it goes: the answer of the site, and then what its events add. */

import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { Schemas } from "../api/client";
import { socket, type TopicEvent } from "../api/socket";
import { keys, type Epoch, type Training } from "./queries";

const LOG_LINES = 500;
const BATCHES = 60;

/** The pictures that were told after an epoch (0: before the first). */
export interface PreviewBatch {
  epoch: number;
  previews: readonly Schemas["Preview"][];
}

/** What a run tells besides its row: it is not kept there, but the topic tells all of it again. */
export interface Told {
  lines: readonly string[];
  batches: readonly PreviewBatch[];
  stage: Schemas["TrainingStage"] | null;
  /** What is used within an epoch; null where the last epoch says it. */
  usage: Schemas["TrainingUsage"] | null;
  epoch: number;
}

export const NOTHING_TOLD: Told = { lines: [], batches: [], stage: null, usage: null, epoch: 0 };

/** Adds an epoch; one that is there already (told again after a restart) takes the place of the older. */
export function withEpoch(training: Training | undefined, epoch: Epoch): Training | undefined {
  if (!training) return training;
  const history = [...training.history.filter((old) => old.epoch !== epoch.epoch), epoch];
  return { ...training, history: history.sort((a, b) => a.epoch - b.epoch) };
}

/** Adds what an event tells; pictures of an epoch that is told again take the place of the older ones. */
export function withTold(told: Told, event: Pick<TopicEvent, "type" | "data">): Told {
  const data: unknown = event.data;
  switch (event.type) {
    case "training.log":
      return { ...told, lines: [...told.lines, (data as Schemas["TrainingLog"]).message].slice(-LOG_LINES) };
    case "training.stage":
      return { ...told, stage: data as Schemas["TrainingStage"] };
    case "epoch.finished":
      return { ...told, epoch: (data as Epoch).epoch, usage: null };
    case "training.usage":
      return { ...told, usage: data as Schemas["TrainingUsage"] };
    case "training.previews": {
      const { previews } = data as Schemas["TrainingPreviews"];
      const others = told.batches.filter(({ epoch }) => epoch !== told.epoch);
      return { ...told, batches: [...others, { epoch: told.epoch, previews }].slice(-BATCHES) };
    }
    default:
      return told;
  }
}

function take(client: QueryClient, team: string, id: string, event: TopicEvent): void {
  const key = keys.training(team, id);
  const change = (how: (old: Training) => Training | undefined): void => {
    client.setQueryData<Training>(key, (old) => old && how(old));
  };
  switch (event.type) {
    case "epoch.finished":
      change((old) => withEpoch(old, event.data as unknown as Epoch));
      break;
    case "job.changed": {
      const job = event.data as unknown as Schemas["Job"];
      change((old) => (old.job.revision <= job.revision ? { ...old, job } : old));
      break;
    }
    case "training.finished": {
      const { version, metrics } = event.data as unknown as Schemas["TrainingFinished"];
      change((old) => ({ ...old, version, metrics }));
      break;
    }
  }
}

/** Follows a run's topic from its beginning, once its answer is there; returns what is told besides its row. */
export function useTrainingEvents(team: string, id: string, isLoaded: boolean): Told {
  const client = useQueryClient();
  const [told, setTold] = useState<Told>(NOTHING_TOLD);
  useEffect(() => {
    if (!isLoaded) return undefined;
    const onEvent = (event: TopicEvent): void => {
      take(client, team, id, event);
      setTold((old) => withTold(old, event));
    };
    const onResync = (): void => void client.invalidateQueries({ queryKey: keys.training(team, id) });
    setTold(NOTHING_TOLD);
    return socket.subscribe(`job:${id}`, { onEvent, onResync }, 0);
  }, [client, team, id, isLoaded]);
  return told;
}
