/** The one rendering engine that draws all panes. */

import { RenderingEngine } from "@cornerstonejs/core";

import type { KeptView, View } from "./view";

export const ENGINE_ID = "medportal";

let engine: RenderingEngine | null = null;
const views = new Set<View>();
let resizing = 0;

export function theEngine(): RenderingEngine {
  engine ??= new RenderingEngine(ENGINE_ID);
  return engine;
}

/** Gives up the engine with everything that it draws; the next pane makes another. */
export function endEngine(): void {
  engine?.destroy();
  engine = null;
}

export const viewportIdOf = (place: number): string => `medportal-pane-${place}`;

/**
 * Follows the size of a view's element. The engine knows only how to fit all panes anew, so that each gets back what had
 * been magnified or moved, in proportion. Returns what stops following.
 */
export function followSize(view: View): () => void {
  views.add(view);
  const observer = new ResizeObserver(() => { resizing ||= requestAnimationFrame(resizeAll); });
  observer.observe(view.element);
  return () => {
    observer.disconnect();
    views.delete(view);
  };
}

function resizeAll(): void {
  resizing = 0;
  const kept = new Map<View, KeptView>([...views].map((view) => [view, view.kept()]));
  engine?.resize(true, false);
  for (const [view, before] of kept) view.restore(before);
}
