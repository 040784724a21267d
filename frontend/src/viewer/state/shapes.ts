/** The server's shapes that the viewer reads, by short names. */

import type { components } from "../../api/schema.gen";

type Schemas = components["schemas"];

export type StudyDetail = Schemas["StudyDetail"];
export type StudyRow = Schemas["StudyRow"];
export type SeriesRow = Schemas["SeriesRow"];
export type Job = Schemas["Job"];
export type Analysis = Schemas["Analysis"];
export type NewAnalysis = Schemas["NewAnalysisRequest"];
export type Model = Schemas["Model"];
export type ModelVersion = Schemas["ModelVersion"];
export type SlicePredicted = Schemas["SlicePredicted"];
export type SeriesVerdict = Schemas["SeriesVerdict"];
export type Similar = Schemas["Similar"];
export type SimilarCase = Schemas["SimilarCase"];
export type SimilarCases = Schemas["SimilarCases"];
export type SimilarPending = Schemas["SimilarPending"];
export type AnnotationSet = Schemas["AnnotationSet"];
export type Mark = Schemas["Mark"];
export type MarkRevision = Schemas["MarkRevision"];
export type SegmentationRow = Schemas["Segmentation"];
export type SegmentationRevision = Schemas["SegmentationRevision"];
export type SegmentationChanged = Schemas["SegmentationChanged"];
export type StructuredReport = Schemas["Report"];
export type Imported = Schemas["Imported"];
export type Put = Schemas["Put"];
export type TagRow = Schemas["TagRow"];
export type Changed = Schemas["Changed"];
export type MarkResult = Schemas["Results"]["results"][number];

/** What each type of event carries. */
export type EventData = Schemas["Events"];
