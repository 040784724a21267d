/** Which study a series is of: what cohorts and evaluations name is a series, what the viewer opens is a study. */

import { ApiProblem, get } from "../api/client";

const STUDY_INSTANCE_UID = "0020000D";

interface Attribute {
  Value?: string[];
}

/** Asks QIDO-RS; rejects with ApiProblem where the series is not (or no longer) there. */
export async function studyOf(team: string, series: string): Promise<string> {
  const address = `/teams/${encodeURIComponent(team)}/dicomweb/series?SeriesInstanceUID=${encodeURIComponent(series)}&limit=1`;
  const response = await get(address, "application/dicom+json");
  const found = response.status === 204 ? [] : ((await response.json()) as Record<string, Attribute>[]);
  const study = found[0]?.[STUDY_INSTANCE_UID]?.Value?.[0];
  if (!study) throw new ApiProblem(404, "not_found", `Series ${series} is no longer there.`);
  return study;
}
