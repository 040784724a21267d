/** Cohorts: one of them, what its check finds, the questions by which things are labelled, and making new versions. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";

import { api, dataOf, type Schemas } from "../api/client";
import { keys, type Cohort, type CohortVersion } from "./queries";

export type Check = Schemas["Check"];
export type Finding = Schemas["Finding"];
export type CohortKind = Schemas["KindEnum"];
export type NewCohort = Schemas["NewCohortVersionRequest"];
export type LabelScheme = Schemas["LabelScheme"];

export const SPLITS = ["train", "validation", "test"] as const;
export type Split = (typeof SPLITS)[number];

export const useCohort = (team: string, name: string): UseQueryResult<Cohort> =>
  useQuery({
    queryKey: [...keys.cohorts(team), name],
    queryFn: () => dataOf(api.GET("/api/v1/teams/{team}/cohorts/{name}/", { params: { path: { team, name } } })),
  });

/** How long after one answer the next is asked for, while images are left to compare. */
const COMPARE_AGAIN_MS = 500;

/** When a check is asked for once more; never after a failure, which a person is shown. */
export const askAgainMs = ({ status, data }: { status: string; data: Check | undefined }): number | false =>
  status === "success" && !!data?.unhashed && COMPARE_AGAIN_MS;

/**
 * Looks for leakage and imbalance now: images that had not been compared when the version was frozen are compared, some
 * with each request, until none is left.
 */
export const useCheck = (team: string, version: CohortVersion | undefined): UseQueryResult<Check> =>
  useQuery({
    queryKey: ["check", team, version?.cohort, version?.number],
    enabled: version !== undefined,
    staleTime: Infinity,
    refetchInterval: ({ state }) => askAgainMs(state),
    queryFn: () =>
      dataOf(
        api.GET("/api/v1/teams/{team}/cohorts/{name}/versions/{number}/check/", {
          params: { path: { team, name: version?.cohort ?? "", number: version?.number ?? 1 } },
        }),
      ),
  });

export const useLabelSchemes = (team: string): UseQueryResult<LabelScheme[]> =>
  useQuery({
    queryKey: ["label-schemes", team],
    queryFn: () => dataOf(api.GET("/api/v1/teams/{team}/labels/schemes/", { params: { path: { team } } })),
  });

export const freezeCohort = (team: string, body: NewCohort): Promise<CohortVersion> =>
  dataOf(api.POST("/api/v1/teams/{team}/cohorts/", { params: { path: { team } }, body }));
