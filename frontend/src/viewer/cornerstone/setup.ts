/** Starts Cornerstone once for the page: renderer, tools, loader and its decoding workers. */

import { cache, init as initCore } from "@cornerstonejs/core";
import { init as initLoader } from "@cornerstonejs/dicom-image-loader";
import { addTool, init as initTools, PanTool, TrackballRotateTool, WindowLevelTool, ZoomTool } from "@cornerstonejs/tools";

import { memoryBudget } from "../logic/memoryBudget";
import { MARK_TOOLS, setStyles } from "./markTools";
import { ScrollTool } from "./tools";

const ONE_FRAME = "application/octet-stream; transfer-syntax=*";

let isUp = false;

export function setUp(): void {
  if (isUp) return;
  isUp = true;
  // One viewport needs one context; without WebGL, Cornerstone draws stacks on the CPU by itself.
  initCore({ rendering: { webGlContextCount: 1 }, debug: {} });
  // The session's cookie travels with same-origin requests. A frame is asked for by itself (PS3.18 8.7.3.3.2): to look for
  // the end of a part takes longer than to fetch it.
  initLoader({ beforeSend: () => ({ Accept: ONE_FRAME }), maxWebWorkers: Math.min(4, Math.max(1, Math.floor(navigator.hardwareConcurrency / 2))), strict: false });
  initTools();
  for (const tool of [PanTool, TrackballRotateTool, WindowLevelTool, ZoomTool, ScrollTool, ...MARK_TOOLS]) addTool(tool);
  setStyles();
  // The queue stops short of this, so that Cornerstone never has to give up what was just fetched.
  cache.setMaxCacheSize(Math.round(memoryBudget() * 1.25));
}
