/** Analyses that pages outside the viewer start: images painted by a generator. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";

import { api, dataOf, type Schemas } from "../api/client";

export type Analysis = Schemas["Analysis"];

export const startGeneration = (team: string, body: Schemas["NewAnalysisRequest"]): Promise<Analysis> =>
  dataOf(api.POST("/api/v1/teams/{team}/analyses/", { params: { path: { team } }, body }));

export const useAnalysis = (team: string, id: string): UseQueryResult<Analysis> =>
  useQuery({
    queryKey: ["analysis", team, id],
    queryFn: () =>
      dataOf(api.GET("/api/v1/teams/{team}/analyses/{job_id}/", { params: { path: { team, job_id: id } } })),
  });
