/** What runs are called and how they stand to each other. */

import type { CohortVersion, Cohort, Training } from "../../store/queries";

export const titleOf = (training: Training): string =>
  `${training.model}${training.version ? ` v${String(training.version)}` : ""}`;

/** `none`, or which control the run is. */
export function controlOf(training: Training): string {
  const { control } = training.config;
  return typeof control === "string" ? control : "none";
}

export function versionOf(cohorts: readonly Cohort[] | undefined, name: string, number: number): CohortVersion | undefined {
  return cohorts?.find((cohort) => cohort.name === name)?.versions.find((version) => version.number === number);
}

export interface Difference {
  name: string;
  values: unknown[];
}

/** The settings in which runs differ, each with every run's value; in the order of the first that has them. */
export function differences(configs: readonly Readonly<Record<string, unknown>>[]): Difference[] {
  const names = [...new Set(configs.flatMap((config) => Object.keys(config)))];
  return names
    .map((name) => ({ name, values: configs.map((config) => config[name]) }))
    .filter(({ values }) => new Set(values.map((value) => JSON.stringify(value) ?? "")).size > 1);
}
