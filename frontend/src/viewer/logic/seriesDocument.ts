/** A series' document, in which what its instances share is said once, as the metadata of each of them. */

import type { DicomElement, DicomJson } from "./dicomJson";

type Column = { vr: string; values: readonly (DicomElement["Value"] | null)[] } | { elements: readonly (DicomElement | null)[] };

export interface SeriesDocument {
  count: number;
  shared: DicomJson;
  columns: Readonly<Record<string, Column>>;
}

/** Returns the metadata of each instance, in the document's order. */
export function expanded({ count, shared, columns }: SeriesDocument): DicomJson[] {
  const all = Object.entries(columns);
  return Array.from({ length: count }, (_, place) => {
    const own: Record<string, DicomElement | undefined> = { ...shared };
    for (const [tag, column] of all) {
      if ("elements" in column) {
        const element = column.elements[place];
        if (element) own[tag] = element;
        continue;
      }
      const value = column.values[place];
      if (value) own[tag] = { vr: column.vr, Value: value } as DicomElement;
    }
    return own;
  });
}
