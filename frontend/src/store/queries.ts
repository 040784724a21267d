/** What the pages ask the site for, and how events change the answers without asking again. */

import { QueryClient, queryOptions, useQueries, useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { useEffect } from "react";

import { api, ApiProblem, dataOf, type Schemas } from "../api/client";
import type { operations } from "../api/schema.gen";
import { socket, type TopicEvent } from "../api/socket";

export type StudyRow = Schemas["StudyRow"];
export type StudyPage = Schemas["PaginatedStudyRowList"];
export type Model = Schemas["Model"];
export type ModelVersion = Schemas["ModelVersion"];
export type ModelDetail = Schemas["ModelVersionDetail"];
export type Training = Schemas["Training"];
export type TrainingPage = Schemas["PaginatedTrainingList"];
export type TrainingQuery = NonNullable<operations["trainings_list"]["parameters"]["query"]>;
export type Cohort = Schemas["Cohort"];
export type CohortVersion = Schemas["CohortVersion"];
export type Recipe = Schemas["Recipe"];
export type RecipeField = Schemas["RecipeField"];
export type Epoch = Schemas["Epoch"];
export type Job = Schemas["Job"];
export type Member = Schemas["Member"];

export interface StudyQuery {
  search?: string | undefined;
  modality?: string | undefined;
  ai_status?: "none" | "queued" | "running" | "succeeded" | "failed" | undefined;
  date_from?: string | undefined;
  date_to?: string | undefined;
  ordering?: string | undefined;
  page?: number | undefined;
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 2 && (!(error instanceof ApiProblem) || error.status === 0 || error.status >= 502),
    },
  },
});

export const keys = {
  studies: (team: string) => ["studies", team] as const,
  models: (team: string) => ["models", team] as const,
  trainings: (team: string) => ["trainings", team] as const,
  training: (team: string, id: string) => ["training", team, id] as const,
  cohorts: (team: string) => ["cohorts", team] as const,
  jobs: (team: string) => ["jobs", team] as const,
  members: (team: string) => ["members", team] as const,
  evaluationDocuments: (team: string) => ["evaluation-document", team] as const,
};

export function useStudies(team: string, query: StudyQuery): UseQueryResult<StudyPage> {
  return useQuery({
    queryKey: [...keys.studies(team), query],
    queryFn: () => dataOf(api.GET("/api/v1/teams/{team}/studies/", { params: { path: { team }, query } })),
    placeholderData: (previous: StudyPage | undefined) => previous,
  });
}

export const useModels = (team: string): UseQueryResult<Model[]> =>
  useQuery({
    queryKey: keys.models(team),
    queryFn: () => dataOf(api.GET("/api/v1/teams/{team}/models/", { params: { path: { team } } })),
  });

export const useModelDetail = (team: string, name: string, number: number): UseQueryResult<ModelDetail> =>
  useQuery({
    queryKey: ["model", team, name, number],
    queryFn: () =>
      dataOf(
        api.GET("/api/v1/teams/{team}/models/{name}/versions/{number}/", { params: { path: { team, name, number } } }),
      ),
  });

const trainingsOf = (team: string, query: TrainingQuery) =>
  queryOptions({
    queryKey: [...keys.trainings(team), query],
    queryFn: () => dataOf(api.GET("/api/v1/teams/{team}/trainings/", { params: { path: { team }, query } })),
  });

const trainingOf = (team: string, id: string) =>
  queryOptions({
    queryKey: keys.training(team, id),
    queryFn: () =>
      dataOf(api.GET("/api/v1/teams/{team}/trainings/{job_id}/", { params: { path: { team, job_id: id } } })),
  });

/** A page of the team's runs, newest first. */
export const useTrainings = (team: string, query: TrainingQuery): UseQueryResult<TrainingPage> =>
  useQuery({ ...trainingsOf(team, query), placeholderData: (previous: TrainingPage | undefined) => previous });

export const useTraining = (team: string, id: string): UseQueryResult<Training> => useQuery(trainingOf(team, id));

/** Some runs, each by its id; in the place of one that is not there (any more) an error. */
export const useTrainingsById = (team: string, ids: readonly string[]): UseQueryResult<Training>[] =>
  useQueries({ queries: ids.map((id) => trainingOf(team, id)) });

/** For each of some runs the controls that measure what its figures are worth. */
export const useControls = (team: string, ids: readonly string[]): UseQueryResult<TrainingPage>[] =>
  useQueries({ queries: ids.map((id) => trainingsOf(team, { control_of: id })) });

export const useCohorts = (team: string): UseQueryResult<Cohort[]> =>
  useQuery({
    queryKey: keys.cohorts(team),
    queryFn: () => dataOf(api.GET("/api/v1/teams/{team}/cohorts/", { params: { path: { team } } })),
  });

/** The settings that other defaults hang on. */
export type Steering = Pick<RecipeQuery, "dimensions">;
type RecipeQuery = NonNullable<operations["recipes_list"]["parameters"]["query"]>;

/** The recipes; with a cohort those that suit it, each with the defaults that run on it with these settings. */
export const useRecipes = (team: string, of?: Steering & Required<Omit<RecipeQuery, keyof Steering>>): UseQueryResult<Recipe[]> =>
  useQuery({
    queryKey: ["recipes", team, of],
    queryFn: () =>
      dataOf(api.GET("/api/v1/teams/{team}/recipes/", { params: { path: { team }, query: of ?? {} } })),
    staleTime: Infinity,
    placeholderData: (previous: Recipe[] | undefined) => previous,
  });

export const useJobs = (team: string): UseQueryResult<Job[]> =>
  useQuery({
    queryKey: keys.jobs(team),
    queryFn: async () => (await dataOf(api.GET("/api/v1/teams/{team}/jobs/", { params: { path: { team } } }))).results,
  });

export const useMembers = (team: string): UseQueryResult<Member[]> =>
  useQuery({
    queryKey: keys.members(team),
    queryFn: () => dataOf(api.GET("/api/v1/teams/{team}/members/", { params: { path: { team } } })),
  });

/** Puts a newer study row in the place of the older one, on every page that shows it. */
export function withStudy(page: StudyPage | undefined, row: StudyRow): StudyPage | undefined {
  if (!page?.results.some((old) => old.study_instance_uid === row.study_instance_uid && old.revision < row.revision)) {
    return page;
  }
  const results = page.results.map((old) => (old.study_instance_uid === row.study_instance_uid ? row : old));
  return { ...page, results };
}

/** Puts a job's newer state into a list, at its head when it is new. */
export function withJob(jobs: Job[] | undefined, job: Job): Job[] | undefined {
  if (!jobs) return jobs;
  const known = jobs.find((old) => old.id === job.id);
  if (!known) return [job, ...jobs];
  return known.revision > job.revision ? jobs : jobs.map((old) => (old.id === job.id ? job : old));
}

/** The newer of two states of a run; epochs that its own topic has told meanwhile stay. */
export function newerTraining(old: Training, training: Training): Training {
  if (old.job.id !== training.job.id || old.job.revision > training.job.revision) return old;
  return { ...training, history: old.history.length > training.history.length ? old.history : training.history };
}

/** Changes a run wherever it is shown, alone or in a list; says whether a list has it. */
function changeTraining(client: QueryClient, team: string, id: string, how: (old: Training) => Training): boolean {
  client.setQueryData<Training>(keys.training(team, id), (old) => old && how(old));
  const lists = client
    .getQueriesData<TrainingPage>({ queryKey: keys.trainings(team) })
    .filter(([, page]) => page?.results.some(({ job }) => job.id === id));
  for (const [key] of lists) {
    client.setQueryData<TrainingPage>(key, (page) => page && { ...page, results: page.results.map((one) => (one.job.id === id ? how(one) : one)) });
  }
  return lists.length > 0;
}

const STUDY_EVENTS = new Set(["study.changed", "series.changed", "instance.stored"]);

export function takeTeamEvent(client: QueryClient, team: string, event: TopicEvent, onNewStudy: (row: StudyRow) => void): void {
  const data: unknown = event.data;
  if (STUDY_EVENTS.has(event.type)) {
    const { study } = data as Schemas["StudyChanged"];
    const pages = client.getQueriesData<StudyPage>({ queryKey: keys.studies(team) });
    const isShown = pages.some(([, page]) => page?.results.some((row) => row.study_instance_uid === study.study_instance_uid));
    if (!isShown) onNewStudy(study);
    for (const [key, page] of pages) client.setQueryData(key, withStudy(page, study));
  } else if (event.type === "job.changed") {
    const job = data as Job;
    client.setQueryData<Job[]>(keys.jobs(team), (jobs) => withJob(jobs, job));
    changeTraining(client, team, job.id, (old) => (old.job.revision <= job.revision ? { ...old, job } : old));
  } else if (event.type === "model.changed") {
    const { model } = data as Schemas["ModelChanged"];
    client.setQueryData<Model[]>(keys.models(team), (models) =>
      models && [...models.filter((old) => old.name !== model.name), model].sort((a, b) => a.name.localeCompare(b.name)),
    );
  } else if (event.type === "training.changed") {
    const { training } = data as Schemas["TrainingChanged"];
    const isListed = changeTraining(client, team, training.job.id, (old) => newerTraining(old, training));
    // Which lists a new run belongs to, and where, the site knows; and of those behind one that has ended, that they move up.
    if (!isListed || training.job.finished_at) void client.invalidateQueries({ queryKey: keys.trainings(team) });
    // A control that has ended stands beside what was measured before.
    if (training.config.control !== "none" && training.job.state === "succeeded") {
      void client.invalidateQueries({ queryKey: keys.evaluationDocuments(team) });
    }
  }
}

/** Keeps the team's lists up to date by its events; after a break without resume, everything is fetched afresh. */
export function useTeamEvents(team: string | undefined, onNewStudy: (row: StudyRow) => void): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!team) return undefined;
    return socket.subscribe(`team:${team}`, {
      onEvent: (event) => {
        takeTeamEvent(client, team, event, onNewStudy);
      },
      onResync: () => void client.invalidateQueries(),
    });
  }, [client, team, onNewStudy]);
}

export type StageChange = "promote" | "archive" | "rollback";

/** Changes how far a version is trusted; a rollback puts the model's earlier production version back. */
export function changeStage(team: string, name: string, number: number, action: StageChange): Promise<unknown> {
  const path = { team, name, number };
  if (action === "rollback") {
    return dataOf(api.POST("/api/v1/teams/{team}/models/{name}/rollback/", { params: { path: { team, name } } }));
  }
  return action === "promote"
    ? dataOf(api.POST("/api/v1/teams/{team}/models/{name}/versions/{number}/promote/", { params: { path } }))
    : dataOf(api.POST("/api/v1/teams/{team}/models/{name}/versions/{number}/archive/", { params: { path } }));
}
