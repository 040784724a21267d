/** Which studies of the worklist are chosen: some by name, or all that the search finds. */

export interface Selection {
  /** All that match, also those on other pages; `studies` is empty then. */
  isAll: boolean;
  studies: readonly string[];
}

export const NOTHING: Selection = { isAll: false, studies: [] };

export const isChosen = (selection: Selection, study: string): boolean => selection.isAll || selection.studies.includes(study);

/** Chooses some studies, or leaves them out; with all chosen, leaving some out means: those of this page but them. */
export function withChosen(selection: Selection, studies: readonly string[], isOn: boolean, page: readonly string[]): Selection {
  const before = selection.isAll ? page : selection.studies;
  const rest = before.filter((study) => !studies.includes(study));
  return { isAll: false, studies: isOn ? [...rest, ...studies] : rest };
}

export const countOf = (selection: Selection, found: number): number => (selection.isAll ? found : selection.studies.length);
