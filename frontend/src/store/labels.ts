/** Labels given by people: one answer to a question, for each of some studies. */

import { api, dataOf, type Schemas } from "../api/client";

export type NewLabel = Schemas["NewLabelRequest"];

/** Labels studies one after the other; tells how many are done. Stops at the first failure, and throws it. */
export async function labelStudies(
  team: string,
  studies: readonly string[],
  label: { scheme: string; value: string },
  onDone: (done: number) => void,
): Promise<void> {
  for (const [index, study] of studies.entries()) {
    await dataOf(api.POST("/api/v1/teams/{team}/labels/", { params: { path: { team } }, body: { study, ...label } }));
    onDone(index + 1);
  }
}
