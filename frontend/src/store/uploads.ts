/** Files on their way in: three at once, each with its progress and its answer; failures can be tried again. */

import { create } from "zustand";

import { ApiProblem } from "../api/client";
import { uploadObject } from "../api/upload";

export type UploadState = "waiting" | "sending" | "stored" | "duplicate" | "rejected" | "failed" | "cancelled";

export interface Upload {
  id: number;
  name: string;
  size: number;
  state: UploadState;
  progress: number;
  /** Why it was not stored. */
  reason: string;
}

interface UploadsState {
  uploads: readonly Upload[];
  isOpen: boolean;
}

const AT_ONCE = 3;
export const useUploads = create<UploadsState>()(() => ({ uploads: [], isOpen: false }));

// Files are kept here until they are stored, and never in the store: it holds plain values.
const files = new Map<number, { team: string; file: File }>();
let controller = new AbortController();
let nextId = 1;
let sending = 0;

function change(id: number, changed: Partial<Upload>): void {
  useUploads.setState(({ uploads }) => ({
    uploads: uploads.map((upload) => (upload.id === id ? { ...upload, ...changed } : upload)),
  }));
}

/** Queues files; folders have been unfolded already. */
export function addUploads(team: string, added: readonly { name: string; file: File }[]): void {
  const uploads = added.map(({ name, file }): Upload => {
    const id = nextId++;
    files.set(id, { team, file });
    return { id, name, size: file.size, state: "waiting", progress: 0, reason: "" };
  });
  useUploads.setState((state) => ({ uploads: [...state.uploads, ...uploads], isOpen: true }));
  pump();
}

function pump(): void {
  while (sending < AT_ONCE) {
    const next = useUploads.getState().uploads.find((upload) => upload.state === "waiting");
    const source = next && files.get(next.id);
    if (!next || !source) return;
    sending += 1;
    change(next.id, { state: "sending", progress: 0, reason: "" });
    void send(next.id, source.team, source.file).finally(() => {
      sending -= 1;
      pump();
    });
  }
}

async function send(id: number, team: string, file: File): Promise<void> {
  let told = 0;
  const onProgress = (progress: number): void => {
    if (progress - told < 0.05 && progress < 1) return;
    told = progress;
    change(id, { progress });
  };
  try {
    const { status } = await uploadObject(team, file, onProgress, controller.signal);
    files.delete(id);
    change(id, { state: status, progress: 1 });
  } catch (error) {
    const problem = error instanceof ApiProblem ? error : new ApiProblem(0, "unknown", String(error));
    if (problem.code === "cancelled") change(id, { state: "cancelled" });
    else change(id, { state: [0, 429, 500, 502, 503, 507].includes(problem.status) ? "failed" : "rejected", reason: problem.message });
  }
}

/** Tries again what did not get through; what was rejected would be rejected again. */
export function retryFailed(): void {
  useUploads.setState(({ uploads }) => ({
    uploads: uploads.map((upload) =>
      ["failed", "cancelled"].includes(upload.state) ? { ...upload, state: "waiting", progress: 0, reason: "" } : upload,
    ),
  }));
  pump();
}

export function cancelUploads(): void {
  useUploads.setState(({ uploads }) => ({
    uploads: uploads.map((upload) => (upload.state === "waiting" ? { ...upload, state: "cancelled" } : upload)),
  }));
  controller.abort();
  controller = new AbortController();
}

export function closeUploads(): void {
  const isDone = useUploads.getState().uploads.every(({ state }) => state !== "waiting" && state !== "sending");
  if (isDone) files.clear();
  useUploads.setState(({ uploads }) => ({ isOpen: false, uploads: isDone ? [] : uploads }));
}

/** Returns the files of a drop, those in folders included, with their paths. */
export async function filesOfDrop(items: DataTransferItemList): Promise<{ name: string; file: File }[]> {
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  return (await Promise.all(entries.map(unfold))).flat();
}

async function unfold(entry: FileSystemEntry): Promise<{ name: string; file: File }[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => {
      (entry as FileSystemFileEntry).file(resolve, reject);
    });
    return file.name.startsWith(".") ? [] : [{ name: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    // A reader gives at most a hundred entries at a time.
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (!batch.length) break;
    found.push(...batch);
  }
  return (await Promise.all(found.map(unfold))).flat();
}
