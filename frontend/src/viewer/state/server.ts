/** What the viewer asks of the site, and what it is told: the only file here that knows `api/`. */

import { api, ApiProblem, dataOf, get, postBytes } from "../../api/client";
import { socket, type TopicEvent } from "../../api/socket";
import { text, type DicomJson } from "../logic/dicomJson";
import { inflated } from "../logic/layers";
import type { Protocol, Rules } from "../logic/hanging";
import type { Layout } from "../logic/layouts";
import type { MarkContent } from "../logic/marks";
import { expanded, type SeriesDocument } from "../logic/seriesDocument";
import { MaskVolume } from "../logic/maskVolume";
import type {
  Analysis, AnnotationSet, Changed, EventData, Imported, Job, Mark, MarkResult, MarkRevision, Model, NewAnalysis, Put, SegmentationRevision, SegmentationRow, Similar, SimilarCases, SimilarPending, SlicePredicted, StructuredReport, StudyDetail, TagRow,
} from "./shapes";
import type { Trouble } from "./viewerStore";

const path = encodeURIComponent;

export const dicomwebRoot = (team: string): string => `/teams/${path(team)}/dicomweb`;

export const thumbnailUrl = (team: string, seriesUid: string, revision: number): string =>
  `/api/v1/teams/${path(team)}/series/${path(seriesUid)}/thumbnail/?r=${revision}`;

export const previewUrl = (team: string, seriesUid: string, revision: number): string =>
  `/api/v1/teams/${path(team)}/series/${path(seriesUid)}/preview/?r=${revision}`;

export const fetchStudy = (team: string, uid: string): Promise<StudyDetail> =>
  dataOf(api.GET("/api/v1/teams/{team}/studies/{study_uid}/", { params: { path: { team, study_uid: uid } } }));

/** Returns the metadata of a series' instances; of a revision that is named, out of the browser's memory where it is there. */
export async function fetchSeriesMetadata(team: string, seriesUid: string, revision: number): Promise<DicomJson[]> {
  const response = await get(`/api/v1/teams/${path(team)}/series/${path(seriesUid)}/document/?r=${revision}`, "application/json");
  return expanded((await response.json()) as SeriesDocument);
}

export async function fetchModels(team: string): Promise<Model[]> {
  const page = await dataOf(api.GET("/api/v1/teams/{team}/models/", { params: { path: { team } } }));
  return rowsOf<Model>(page);
}

export async function fetchAnalyses(team: string, study: string): Promise<Analysis[]> {
  const page = await dataOf(api.GET("/api/v1/teams/{team}/analyses/", { params: { path: { team }, query: { study } } }));
  return rowsOf<Analysis>(page);
}

/** Lists come in pages; the first one holds all that a study has. */
function rowsOf<T>(page: unknown): T[] {
  return Array.isArray(page) ? (page as T[]) : ((page as { results?: T[] }).results ?? []);
}

export const fetchAnalysis = (team: string, id: string): Promise<Analysis> =>
  dataOf(api.GET("/api/v1/teams/{team}/analyses/{job_id}/", { params: { path: { team, job_id: id } } }));

/** Fetches the voxels of a mask, slice by slice into little memory; fails where they are not all there. */
export async function fetchMask(team: string, setId: string, { shape, dtype }: NonNullable<AnnotationSet["mask"]>): Promise<MaskVolume> {
  const address = `/api/v1/teams/${path(team)}/annotation-sets/${path(setId)}/mask/`;
  const { body } = await get(address, "*/*");
  if (!body) throw new Error("There is no mask.");
  const [slices = 0, rows = 0, columns = 0] = shape;
  const mask = new MaskVolume([slices, rows, columns], dtype === "uint16" ? 2 : 1);
  const reader = inflated(body).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) mask.push(part.value);
  if (!mask.isWhole) throw new Error("The mask is not whole.");
  return mask;
}

/** Fetches all marks of a study. */
export const fetchMarks = async (team: string, studyUid: string): Promise<Mark[]> =>
  (await dataOf(api.GET("/api/v1/teams/{team}/studies/{study_uid}/marks/", { params: { path: { team, study_uid: studyUid } } }))).marks;

interface MarkChange {
  id: string;
  revision: number;
  mark: MarkContent | null;
}

/** Makes changes of marks, each for itself; returns what became of each. */
export async function changeMarks(team: string, studyUid: string, changes: readonly MarkChange[]): Promise<MarkResult[]> {
  // The schema's points are lists, and its data an object of the page's own.
  const body = { changes } as unknown as { changes: never[] };
  const { results } = await dataOf(api.POST("/api/v1/teams/{team}/studies/{study_uid}/marks/", { params: { path: { team, study_uid: studyUid } }, body }));
  return results;
}

export const fetchMarkHistory = (team: string, studyUid: string, id: string): Promise<MarkRevision[]> =>
  dataOf(api.GET("/api/v1/teams/{team}/studies/{study_uid}/marks/{mark_id}/history/", { params: { path: { team, study_uid: studyUid, mark_id: id } } }));

export const restoreMark = (team: string, studyUid: string, id: string, body: { revision: number; based_on: number }): Promise<Mark> =>
  dataOf(api.POST("/api/v1/teams/{team}/studies/{study_uid}/marks/{mark_id}/restore/", { params: { path: { team, study_uid: studyUid, mark_id: id } }, body }));

interface OfSegmentation {
  team: string;
  study_uid: string;
  segmentation_id: string;
}

export const fetchSegmentations = async (team: string, studyUid: string): Promise<SegmentationRow[]> =>
  (await dataOf(api.GET("/api/v1/teams/{team}/studies/{study_uid}/segmentations/", { params: { path: { team, study_uid: studyUid } } }))).segmentations;

/** Makes a segmentation: empty, or with the mask of a result. */
export const createSegmentation = (team: string, studyUid: string, body: { id: string; series_instance_uid: string; title: string; from_annotation_set?: string; copy_of?: string }): Promise<SegmentationRow> =>
  dataOf(api.POST("/api/v1/teams/{team}/studies/{study_uid}/segmentations/", { params: { path: { team, study_uid: studyUid } }, body }));

export const editSegmentation = (path: OfSegmentation, body: { based_on: number; title?: string; is_deleted?: boolean }): Promise<SegmentationRow> =>
  dataOf(api.PATCH("/api/v1/teams/{team}/studies/{study_uid}/segmentations/{segmentation_id}/", { params: { path }, body }));

export const fetchSegmentationHistory = (path: OfSegmentation): Promise<SegmentationRevision[]> =>
  dataOf(api.GET("/api/v1/teams/{team}/studies/{study_uid}/segmentations/{segmentation_id}/history/", { params: { path } }));

export const restoreSegmentation = (path: OfSegmentation, body: { revision: number; based_on: number }): Promise<SegmentationRow> =>
  dataOf(api.POST("/api/v1/teams/{team}/studies/{study_uid}/segmentations/{segmentation_id}/restore/", { params: { path }, body }));

const voxelsUrl = ({ team, study_uid, segmentation_id }: OfSegmentation): string =>
  `/api/v1/teams/${path(team)}/studies/${path(study_uid)}/segmentations/${path(segmentation_id)}/voxels/`;

export const fetchVoxels = async (of: OfSegmentation): Promise<ArrayBuffer> => (await get(voxelsUrl(of), "*/*")).arrayBuffer();

export const sendVoxels = async (of: OfSegmentation, body: ArrayBuffer): Promise<Changed> => (await (await postBytes(voxelsUrl(of), body)).json()) as Changed;

/** Returns the elements of an object's header. */
export const fetchTags = (team: string, studyUid: string, uid: string): Promise<TagRow[]> =>
  dataOf(api.GET("/api/v1/teams/{team}/studies/{study_uid}/instances/{sop_instance_uid}/tags/", { params: { path: { team, study_uid: studyUid, sop_instance_uid: uid } } }));

/** The layouts that the team and the account have kept. */
export const fetchProtocols = async (team: string): Promise<Protocol[]> =>
  (await dataOf(api.GET("/api/v1/teams/{team}/hanging-protocols/", { params: { path: { team } } }))) as unknown as Protocol[];

export const createProtocol = (team: string, body: { name: string; is_shared: boolean; layout: Layout; rules: Rules }): Promise<unknown> =>
  dataOf(api.POST("/api/v1/teams/{team}/hanging-protocols/", { params: { path: { team } }, body: body as never }));

export const changeProtocol = (team: string, id: string, body: { based_on: number; name: string; rules: Rules; layout?: Layout }): Promise<unknown> =>
  dataOf(api.PATCH("/api/v1/teams/{team}/hanging-protocols/{protocol_id}/", { params: { path: { team, protocol_id: id } }, body: body as never }));

export const deleteProtocol = (team: string, id: string): Promise<unknown> =>
  dataOf(api.DELETE("/api/v1/teams/{team}/hanging-protocols/{protocol_id}/", { params: { path: { team, protocol_id: id } } }));

export const fetchKeys = async (): Promise<Record<string, string[]>> => (await dataOf(api.GET("/api/v1/auth/me/viewer/"))).keys ?? {};

export const keepKeys = (keys: Readonly<Record<string, readonly string[]>>): Promise<unknown> => dataOf(api.PUT("/api/v1/auth/me/viewer/", { body: { keys: keys as Record<string, string[]> } }));

export type ExportForm = "sr" | "seg" | "json" | "csv" | "nifti";

export const exportUrl = (team: string, studyUid: string, form: ExportForm, segmentation?: string): string =>
  `/api/v1/teams/${path(team)}/studies/${path(studyUid)}/export/?form=${form}${segmentation ? `&segmentation=${path(segmentation)}` : ""}`;

/** Puts annotations into the study as DICOM objects. */
export const storeAnnotations = (team: string, studyUid: string, body: { form: "sr" | "seg"; segmentation?: string }): Promise<Put[]> =>
  dataOf(api.POST("/api/v1/teams/{team}/studies/{study_uid}/export/store/", { params: { path: { team, study_uid: studyUid } }, body }));

/** Makes segmentations or marks of what a series of the study holds. */
export const importSeries = (team: string, studyUid: string, seriesUid: string): Promise<Imported> =>
  dataOf(api.POST("/api/v1/teams/{team}/studies/{study_uid}/import/", { params: { path: { team, study_uid: studyUid } }, body: { series_instance_uid: seriesUid } }));

export const fetchReport = (team: string, studyUid: string, uid: string): Promise<StructuredReport> =>
  dataOf(api.GET("/api/v1/teams/{team}/studies/{study_uid}/structured-reports/{sop_instance_uid}/", { params: { path: { team, study_uid: studyUid, sop_instance_uid: uid } } }));

/** Returns the SOP Instance UIDs of a series. */
export async function instancesOf(team: string, studyUid: string, seriesUid: string): Promise<string[]> {
  const answer = await get(`${dicomwebRoot(team)}/studies/${path(studyUid)}/series/${path(seriesUid)}/instances`, "application/dicom+json");
  const rows = answer.status === 204 ? [] : ((await answer.json()) as DicomJson[]);
  return rows.map((row) => text(row, "00080018"));
}

export const startAnalysis = (team: string, body: NewAnalysis): Promise<Analysis> =>
  dataOf(api.POST("/api/v1/teams/{team}/analyses/", { params: { path: { team } }, body }));

export const cancelJob = (team: string, id: string): Promise<Job> =>
  dataOf(api.POST("/api/v1/teams/{team}/jobs/{job_id}/cancel/", { params: { path: { team, job_id: id } } }));

/** Returns the nearest series; or the job that has to place this one first. */
export const fetchSimilar = (team: string, seriesUid: string, withOwn: boolean): Promise<Similar | SimilarPending> =>
  dataOf(
    api.GET("/api/v1/teams/{team}/series/{series_uid}/similar/", {
      params: { path: { team, series_uid: seriesUid }, query: { same_patient: withOwn } },
    }),
  );

/** Returns how many of the team's series can be found as similar ones. */
export const fetchReach = (team: string): Promise<SimilarCases> =>
  dataOf(api.GET("/api/v1/teams/{team}/similar-cases/", { params: { path: { team } } }));

/** Has all series placed that are not yet. */
export const startEmbedding = (team: string, id: string): Promise<Job> =>
  dataOf(api.POST("/api/v1/teams/{team}/similar-cases/embed/", { params: { path: { team } }, body: { id } }));

export function troubleOf(error: unknown): Trouble {
  return error instanceof ApiProblem && [403, 404].includes(error.status) ? "not_found" : "failed";
}

export const detailOf = (error: unknown): string => (error instanceof Error && error.message) || String(error);

export const codeOf = (error: unknown): string => (error instanceof ApiProblem ? error.code : "");

/** Says whether the site refused, rather than never answered. */
export const wasAnswered = (error: unknown): boolean => error instanceof ApiProblem && error.status > 0;

type Told<Name extends keyof EventData> = { [Type in Name]: { type: Type; data: EventData[Type] } }[Name];

export type StudyEvent =
  | Told<"instance.stored" | "series.changed" | "study.changed" | "analysis.changed" | "job.changed" | "mark.changed" | "segmentation.changed">
  | { type: "resync" | "subscribed" };

export type JobEvent =
  | Told<"job.changed" | "series.verdict">
  | { type: "slice.predicted"; data: SlicePredicted; payload: Uint8Array | null };

/** Follows a study from now on; "subscribed" says from when. Returns what ends it. */
export function watchStudy(team: string, uid: string, onEvent: (event: StudyEvent) => void): () => void {
  return socket.subscribe(`study:${team}/${uid}`, {
    onEvent: (event) => { onEvent(event as unknown as StudyEvent); },
    onResync: () => { onEvent({ type: "resync" }); },
    onSubscribed: () => { onEvent({ type: "subscribed" }); },
  });
}

/** Follows a job from the beginning of its log. Returns what ends it. */
export function watchJob(id: string, onEvent: (event: JobEvent) => void): () => void {
  return socket.subscribe(`job:${id}`, { onEvent: (event) => { onEvent(jobEvent(event)); } }, 0);
}

function jobEvent({ type, data, payload }: TopicEvent): JobEvent {
  return { type, data, payload: payload ?? null } as unknown as JobEvent;
}

/** Tells whether live updates come. */
export const onLive = (listener: (isLive: boolean) => void): (() => void) =>
  socket.onStatus((status) => { listener(status === "open"); });
