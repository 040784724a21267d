/** How runs stand to each other. */

import { expect, test } from "vitest";

import { differences } from "./runs";

test("runs differ in what one of them has otherwise, or has not at all", () => {
  const found = differences([
    { epochs: 10, flip: true, network: "unet" },
    { epochs: 20, flip: true },
  ]);
  expect(found).toEqual([
    { name: "epochs", values: [10, 20] },
    { name: "network", values: ["unet", undefined] },
  ]);
});
