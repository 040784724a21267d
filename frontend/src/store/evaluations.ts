/** Evaluations: those of a model's version, one of them with its document, and starting one. */

import { useQuery, useQueryClient, type QueryClient, type UseQueryResult } from "@tanstack/react-query";
import { useEffect } from "react";

import { api, dataOf, type Schemas } from "../api/client";
import { socket } from "../api/socket";
import { keys } from "./queries";

export type Evaluation = Schemas["Evaluation"];
export type EvaluationDocument = Schemas["EvaluationDocument"];
export type NewEvaluation = Schemas["NewEvaluationRequest"];

export interface EvaluationsOf {
  model?: string;
  version?: number;
  cohort?: string;
}

const allOf = (team: string): readonly unknown[] => ["evaluations", team];

export const useEvaluations = (team: string, of: EvaluationsOf): UseQueryResult<Evaluation[]> =>
  useQuery({
    queryKey: [...allOf(team), of],
    queryFn: async () =>
      (await dataOf(api.GET("/api/v1/teams/{team}/evaluations/", { params: { path: { team }, query: of } }))).results,
  });

export const useEvaluation = (team: string, id: string): UseQueryResult<Evaluation> =>
  useQuery({
    queryKey: ["evaluation", team, id],
    queryFn: () =>
      dataOf(api.GET("/api/v1/teams/{team}/evaluations/{evaluation_id}/", { params: { path: { team, evaluation_id: id } } })),
  });

export const useEvaluationDocument = (team: string, id: string, isFinished: boolean): UseQueryResult<EvaluationDocument> =>
  useQuery({
    queryKey: [...keys.evaluationDocuments(team), id],
    enabled: isFinished,
    staleTime: Infinity,
    queryFn: () =>
      dataOf(
        api.GET("/api/v1/teams/{team}/evaluations/{evaluation_id}/document/", {
          params: { path: { team, evaluation_id: id } },
        }),
      ),
  });

export const startEvaluation = (team: string, body: NewEvaluation): Promise<Evaluation> =>
  dataOf(api.POST("/api/v1/teams/{team}/evaluations/", { params: { path: { team } }, body }));

/** Puts an evaluation's newer state wherever it is shown; a new one is fetched where it belongs. */
export function takeEvaluation(client: QueryClient, team: string, evaluation: Evaluation): void {
  client.setQueryData<Evaluation>(["evaluation", team, evaluation.id], evaluation);
  void client.invalidateQueries({ queryKey: allOf(team) });
}

/** Keeps evaluations up to date by the team's events and by the running job's own. */
export function useEvaluationEvents(team: string, evaluation: Evaluation | undefined): void {
  const client = useQueryClient();
  const id = evaluation?.id;
  const jobId = evaluation?.job?.id;
  useEffect(
    () =>
      socket.subscribe(`team:${team}`, {
        onEvent: (event) => {
          if (event.type === "evaluation.changed") {
            takeEvaluation(client, team, (event.data as unknown as Schemas["EvaluationChanged"]).evaluation);
          }
        },
      }),
    [client, team],
  );
  useEffect(() => {
    if (!id || !jobId) return undefined;
    const key = ["evaluation", team, id];
    return socket.subscribe(
      `job:${jobId}`,
      {
        onEvent: (event) => {
          if (event.type !== "job.changed") return;
          const job = event.data as unknown as Schemas["Job"];
          client.setQueryData<Evaluation>(key, (old) =>
            old?.job && old.job.revision <= job.revision ? { ...old, job } : old,
          );
        },
        onResync: () => void client.invalidateQueries({ queryKey: key }),
      },
      0,
    );
  }, [client, team, id, jobId]);
}
