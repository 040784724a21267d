/** What kind of answer is looked at. */

import { useAnalyses } from "../state/analysesStore";

export const TASKS = ["classification", "segmentation", "detection", "autoencoder", "generation"] as const;
export type Task = (typeof TASKS)[number];

export const taskOf = (name: string): Task => TASKS.find((one) => one === name) ?? "classification";

/** The task of the analysis that is looked at; null where none is. */
export const useTaskShown = (): Task | null =>
  useAnalyses(({ byJob, shownJob }) => {
    const shown = byJob[shownJob];
    return shown ? taskOf(shown.analysis.task) : null;
  });
