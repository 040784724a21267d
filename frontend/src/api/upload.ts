/** Sends one DICOM object, with progress: what `fetch` cannot tell, XMLHttpRequest can. */

import { ApiProblem, csrfToken, type Schemas } from "./client";

export type Stored = Schemas["Stored"];

/** Uploads a file; `onProgress` gets the fraction sent. Rejects with ApiProblem. */
export function uploadObject(
  team: string,
  file: Blob,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<Stored> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/teams/${encodeURIComponent(team)}/instances/`);
    request.setRequestHeader("Content-Type", "application/dicom");
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
      const body = (request.response ?? {}) as Record<string, unknown>;
      if (request.status < 300) resolve(body as unknown as Stored);
      else reject(new ApiProblem(request.status, String(body.code ?? "unknown"), String(body.detail ?? "")));
    };
    signal.addEventListener("abort", () => {
      request.abort();
    });
    if (signal.aborted) request.abort();
    else request.send(file);
  });
}
