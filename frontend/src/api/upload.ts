/** Sends files with progress: what `fetch` cannot tell, XMLHttpRequest can. */

import { ApiProblem, csrfToken, type Schemas } from "./client";

export type Stored = Schemas["Stored"];

export type NewDataset = Omit<Schemas["NewDatasetRequest"], "file">;
export type NewOutcomes = Omit<Schemas["NewOutcomesRequest"], "file">;
export type OutcomesReport = Schemas["OutcomesReport"];

type Progress = (fraction: number) => void;

/** Uploads a DICOM object; `onProgress` gets the fraction sent. Rejects with ApiProblem. */
export function uploadObject(team: string, file: Blob, onProgress: Progress, signal: AbortSignal): Promise<Stored> {
  return send<Stored>(`/api/v1/teams/${encodeURIComponent(team)}/instances/`, file, "application/dicom", onProgress, signal);
}

/** Uploads a data set with how it is to be read; answers the job that imports it. Rejects with ApiProblem. */
export function uploadDataset(
  team: string,
  order: NewDataset,
  file: File,
  onProgress: Progress,
  signal: AbortSignal,
): Promise<Schemas["Job"]> {
  return send<Schemas["Job"]>(`/api/v1/teams/${encodeURIComponent(team)}/datasets/`, formOf(order, file), null, onProgress, signal);
}

/** Uploads a table of outcomes; answers whom it labelled, and whom it left out. Rejects with ApiProblem. */
export function uploadOutcomes(team: string, order: NewOutcomes, file: File): Promise<OutcomesReport> {
  const address = `/api/v1/teams/${encodeURIComponent(team)}/outcomes/`;
  return send<OutcomesReport>(address, formOf(order, file), null, () => undefined, new AbortController().signal);
}

function formOf(order: object, file: File): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(order)) {
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) form.append(name, String(one));
  }
  // Last: what it is stands before it.
  form.append("file", file);
  return form;
}

function send<Answer>(
  address: string,
  body: Blob | FormData,
  type: string | null,
  onProgress: Progress,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    if (type) request.setRequestHeader("Content-Type", type);
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => {
      onProgress(total ? loaded / total : 0);
    };
    request.onerror = () => {
      reject(new ApiProblem(0, "network", "The site cannot be reached."));
    };
    request.onabort = () => {
      reject(new ApiProblem(0, "cancelled", ""));
    };
    request.onload = () => {
      const answer = (request.response ?? {}) as Record<string, unknown>;
      if (request.status < 300) resolve(answer as Answer);
      else reject(new ApiProblem(request.status, String(answer.code ?? "unknown"), String(answer.detail ?? "")));
    };
    signal.addEventListener("abort", () => {
      request.abort();
    });
    if (signal.aborted) request.abort();
    else request.send(body);
  });
}
