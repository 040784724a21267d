/** The series that look like the open one. Plain values only. */

import { create } from "zustand";

import type { Job, Similar, SimilarCases } from "./shapes";

export interface SimilarState {
  /** The series that was asked about; "": none. */
  seriesUid: string;
  status: "idle" | "asking" | "computing" | "computing_all" | "found" | "no_model" | "not_yet" | "failed";
  /** What places the series among the others. */
  job: Job | null;
  found: Similar | null;
  /** How many of the team's series can be found at all; null: not known. */
  reach: SimilarCases | null;
  /** Whether the patient's own series are wanted too. */
  withOwn: boolean;
  detail: string;
}

const NOTHING = { seriesUid: "", status: "idle", job: null, found: null, reach: null, detail: "" } as const;

export const useSimilar = create<SimilarState>()(() => ({ ...NOTHING, withOwn: false }));

export function resetSimilar(): void {
  useSimilar.setState(NOTHING);
}
