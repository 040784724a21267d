/** Addresses and their pages. */

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from "@tanstack/react-router";

import { AccountPage } from "./AccountPage";
import { JobsPage } from "./JobsPage";
import { LoginPage } from "./LoginPage";
import { MembersPage } from "./MembersPage";
import { Crash, NotFound, SignedIn } from "./SignedIn";
import { WorklistPage } from "./WorklistPage";

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Crash });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: LoginPage,
  validateSearch: (search: Record<string, unknown>): { next?: string } =>
    typeof search.next === "string" && /^\/(?![/\\])/.test(search.next) ? { next: search.next } : {},
});

const home = createRoute({ getParentRoute: () => root, id: "signed-in", component: SignedIn });

export interface WorklistSearch {
  search?: string;
  modality?: string;
  ai?: "none" | "queued" | "running" | "succeeded" | "failed";
  from?: string;
  to?: string;
  sort?: string;
  page?: number;
}

const AI = ["none", "queued", "running", "succeeded", "failed"];

const worklist = createRoute({
  getParentRoute: () => home,
  path: "/",
  component: WorklistPage,
  validateSearch: (search: Record<string, unknown>): WorklistSearch => {
    const text = (name: string): string | undefined => {
      const value = search[name];
      return value === undefined || value === "" || typeof value === "object" ? undefined : String(value as string | number);
    };
    const [ai, page] = [text("ai"), Number(search.page)];
    const found = {
      search: text("search"),
      modality: text("modality"),
      ai: ai && AI.includes(ai) ? ai : undefined,
      from: text("from"),
      to: text("to"),
      sort: text("sort"),
      page: page > 1 ? page : undefined,
    };
    return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as WorklistSearch;
  },
});

const account = createRoute({ getParentRoute: () => home, path: "/account", component: AccountPage });
const models = createRoute({ getParentRoute: () => home, path: "/teams/$team/models", component: lazyRouteComponent(() => import("./ModelsPage"), "ModelsPage") });

/** Words and whole numbers that an address gives; anything else is left out. */
function wordsOf<Name extends string>(search: Record<string, unknown>, ...names: Name[]): Partial<Record<Name, string>> {
  const found = names.map((name) => [name, search[name]] as const).filter(([, value]) => typeof value === "string" || typeof value === "number");
  return Object.fromEntries(found.map(([name, value]) => [name, String(value)])) as Partial<Record<Name, string>>;
}

export interface TrainingSearch {
  search?: string;
  page?: number;
}

const training = createRoute({
  getParentRoute: () => home,
  path: "/teams/$team/training",
  component: lazyRouteComponent(() => import("./TrainingPage"), "TrainingPage"),
  validateSearch: (search: Record<string, unknown>): TrainingSearch => {
    const page = Number(search.page);
    return { ...wordsOf(search, "search"), ...(page > 1 ? { page } : {}) };
  },
});

export interface NewTrainingSearch {
  cohort?: string;
  version?: number;
  recipe?: string;
  /** A run whose settings are to be begun with. */
  from?: string;
}

const newTraining = createRoute({
  getParentRoute: () => home,
  path: "/teams/$team/training/new",
  component: lazyRouteComponent(() => import("./NewTrainingPage"), "NewTrainingPage"),
  validateSearch: (search: Record<string, unknown>): NewTrainingSearch => {
    const version = Number(search.version);
    return { ...wordsOf(search, "cohort", "recipe", "from"), ...(version > 0 ? { version } : {}) };
  },
});
const compare = createRoute({
  getParentRoute: () => home,
  path: "/teams/$team/training/compare",
  component: lazyRouteComponent(() => import("./ComparePage"), "ComparePage"),
  validateSearch: (search: Record<string, unknown>): { runs?: string } => wordsOf(search, "runs"),
});
const trainingRun = createRoute({
  getParentRoute: () => home,
  path: "/teams/$team/training/$job",
  component: lazyRouteComponent(() => import("./TrainingRunPage"), "TrainingRunPage"),
});
const cohorts = createRoute({ getParentRoute: () => home, path: "/teams/$team/cohorts", component: lazyRouteComponent(() => import("./CohortsPage"), "CohortsPage") });
const cohort = createRoute({ getParentRoute: () => home, path: "/teams/$team/cohorts/$name", component: lazyRouteComponent(() => import("./CohortPage"), "CohortPage") });
const evaluation = createRoute({
  getParentRoute: () => home,
  path: "/teams/$team/evaluations/$id",
  component: lazyRouteComponent(() => import("./EvaluationPage"), "EvaluationPage"),
});
const jobs = createRoute({ getParentRoute: () => home, path: "/teams/$team/jobs", component: JobsPage });
const members = createRoute({ getParentRoute: () => home, path: "/teams/$team/members", component: MembersPage });
// The viewer brings Cornerstone: it is loaded when it is opened.
const study = createRoute({
  getParentRoute: () => home,
  path: "/teams/$team/studies/$study",
  component: lazyRouteComponent(() => import("./StudyPage"), "StudyPage"),
  // Where to look: a series, and the slice of its stack, from 0 as the site counts them.
  validateSearch: (search: Record<string, unknown>): { series?: string; slice?: number } => {
    const slice = Number(search.slice ?? Number.NaN);
    return { ...wordsOf(search, "series"), ...(slice >= 0 ? { slice: Math.floor(slice) } : {}) };
  },
});

const routeTree = root.addChildren([
  login,
  home.addChildren([worklist, account, models, training, newTraining, compare, trainingRun, cohorts, cohort, evaluation, jobs, members, study]),
]);

export const router = createRouter({ routeTree, defaultPreload: false, scrollRestoration: true });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
