/** One training run as it goes: the answer of the site, and then what its events add. */

import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { Schemas } from "../api/client";
import { socket, type TopicEvent } from "../api/socket";
import { keys, type Epoch, type Training } from "./queries";

const LOG_LINES = 200;

/** Adds an epoch; one that is there already (told again after a restart) takes the place of the older. */
export function withEpoch(training: Training | undefined, epoch: Epoch): Training | undefined {
  if (!training) return training;
  const history = [...training.history.filter((old) => old.epoch !== epoch.epoch), epoch];
  return { ...training, history: history.sort((a, b) => a.epoch - b.epoch) };
}

function take(client: QueryClient, team: string, id: string, event: TopicEvent, log: (line: string) => void): void {
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
    case "training.log":
      log((event.data as unknown as Schemas["TrainingLog"]).message);
      break;
  }
}

/** Follows a run's topic from its beginning, once its answer is there; returns the lines of its log. */
export function useTrainingEvents(team: string, id: string, isLoaded: boolean): readonly string[] {
  const client = useQueryClient();
  const [lines, setLines] = useState<readonly string[]>([]);
  useEffect(() => {
    if (!isLoaded) return undefined;
    const log = (line: string): void => {
      setLines((old) => [...old, line].slice(-LOG_LINES));
    };
    const onEvent = (event: TopicEvent): void => {
      take(client, team, id, event, log);
    };
    const onResync = (): void => void client.invalidateQueries({ queryKey: keys.training(team, id) });
    setLines([]);
    return socket.subscribe(`job:${id}`, { onEvent, onResync }, 0);
  }, [client, team, id, isLoaded]);
  return lines;
}
