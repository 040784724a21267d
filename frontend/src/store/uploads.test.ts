/** Uploads: three at once, each with its answer, failures tried again. */

import { beforeEach, expect, test, vi } from "vitest";

import { ApiProblem } from "../api/client";
import { uploadObject, type Stored } from "../api/upload";
import { addUploads, cancelUploads, retryFailed, useUploads } from "./uploads";

vi.mock("../api/upload", () => ({ uploadObject: vi.fn() }));

const stored: Stored = { status: "stored", study_instance_uid: "1", series_instance_uid: "2", sop_instance_uid: "3" };
const file = (name: string): { name: string; file: File } => ({ name, file: new File(["x"], name) });
const states = (): string[] => useUploads.getState().uploads.map(({ state }) => state);
const settle = (): Promise<void> => vi.waitFor(() => {
  expect(states().some((state) => ["waiting", "sending"].includes(state))).toBe(false);
});

beforeEach(() => {
  useUploads.setState({ uploads: [], isOpen: false });
  vi.mocked(uploadObject).mockReset();
});

test("each file has its own answer, and its reason", async () => {
  vi.mocked(uploadObject)
    .mockResolvedValueOnce(stored)
    .mockResolvedValueOnce({ ...stored, status: "duplicate" })
    .mockRejectedValueOnce(new ApiProblem(400, "not_dicom", "This is not a DICOM object."))
    .mockRejectedValueOnce(new ApiProblem(0, "network", "The site cannot be reached."));
  addUploads("demo", ["a", "b", "c", "d"].map(file));
  await settle();
  expect(states()).toEqual(["stored", "duplicate", "rejected", "failed"]);
  expect(useUploads.getState().uploads[2]?.reason).toBe("This is not a DICOM object.");
});

test("no more than three are sent at once", async () => {
  let now = 0;
  let most = 0;
  vi.mocked(uploadObject).mockImplementation(async () => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now -= 1;
    return stored;
  });
  addUploads("demo", Array.from({ length: 12 }, (_, index) => file(String(index))));
  await settle();
  expect(most).toBe(3);
});

test("what did not get through is tried again; what was rejected is not", async () => {
  vi.mocked(uploadObject)
    .mockRejectedValueOnce(new ApiProblem(400, "not_dicom", "No."))
    .mockRejectedValueOnce(new ApiProblem(503, "unavailable", "Full."))
    .mockResolvedValue(stored);
  addUploads("demo", ["a", "b"].map(file));
  await settle();
  retryFailed();
  await settle();
  expect(states()).toEqual(["rejected", "stored"]);
});

test("cancelled, the rest stays behind", async () => {
  vi.mocked(uploadObject).mockImplementation(
    (_team, _file, _progress, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          reject(new ApiProblem(0, "cancelled", ""));
        });
      }),
  );
  addUploads("demo", ["a", "b", "c", "d"].map(file));
  cancelUploads();
  await settle();
  expect(states()).toEqual(["cancelled", "cancelled", "cancelled", "cancelled"]);
});
