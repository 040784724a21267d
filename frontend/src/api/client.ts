/** The one way to the API: typed by its OpenAPI schema, session cookie and CSRF token added, failures made readable. */

import createClient, { type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema.gen";

export type Schemas = components["schemas"];

/** A failure as the site tells it (application/problem+json). */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly extra: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }
}

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
let onSignedOut: () => void = () => undefined;

/** Has `listener` called whenever the site answers that nobody is signed in. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

export function csrfToken(): string {
  return /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
}

/** Returns the failure that a response tells of. */
async function problemOf(response: Response): Promise<ApiProblem> {
  try {
    const { status, code, detail, ...extra } = (await response.json()) as Record<string, unknown>;
    return new ApiProblem(Number(status ?? response.status), String(code ?? "unknown"), String(detail ?? ""), extra);
  } catch {
    return new ApiProblem(response.status, "unknown", response.statusText);
  }
}

const credentials: Middleware = {
  onRequest({ request }) {
    if (!SAFE.has(request.method)) request.headers.set("X-CSRFToken", csrfToken());
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return undefined;
    const problem = await problemOf(response);
    if (problem.status === 401) onSignedOut();
    throw problem;
  },
  onError() {
    return new ApiProblem(0, "network", "The site cannot be reached.");
  },
};

export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin" });
api.use(credentials);

/** Returns what a call answers; openapi-fetch has thrown already where there was no answer. */
export async function dataOf<T>(call: Promise<{ data?: T | undefined }>): Promise<T> {
  const { data } = await call;
  return data as T;
}

/** GETs an address that the schema does not type (DICOMweb), with the same failures. */
export const get = (url: string, accept: string, signal?: AbortSignal): Promise<Response> =>
  fetched(url, { headers: { Accept: accept } }, signal);

/** POSTs bytes, with the same failures. */
export const postBytes = (url: string, body: ArrayBuffer, signal?: AbortSignal): Promise<Response> =>
  fetched(url, { method: "POST", body, headers: { "Content-Type": "application/octet-stream", "X-CSRFToken": csrfToken() } }, signal);

async function fetched(url: string, how: RequestInit, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...how, credentials: "same-origin", signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiProblem(0, "network", "The site cannot be reached.");
  }
  if (!response.ok) {
    const problem = await problemOf(response);
    if (problem.status === 401) onSignedOut();
    throw problem;
  }
  return response;
}
