/** The panes: how they are laid out, which one is worked in, what moves together. */

import { cornerstoneComes, cornerstoneHere } from "../cornerstone/comes";
import type { ToolName } from "../cornerstone/tools";
import type { KeptView } from "../cornerstone/view";
import type { Cut } from "../logic/cuts";
import { seriesFor, type Layout, type Links, type PaneSpec } from "../logic/layouts";
import { nearestPlace } from "../logic/linking";
import type { Vec3 } from "../logic/vectors";
import type { UndoLog } from "../logic/undoLog";
import { FrameLoader } from "./frameLoader";
import { PaneSession, type PaneHost } from "./paneSession";
import { useSegments, type SegmentTool } from "./segmentsStore";
import {
  activePane, EMPTY_PANE, framesOfPane, paneAt, placeOfPane, shownFrameOf, useViewer, type PaneContent, type PaneState,
} from "./viewerStore";

export const DEFAULT_FUSION = { colormap: "hsv", opacity: 0.7 };

/** What a layout of panes was like, to go back to it. */
interface Arrangement {
  rows: number;
  columns: number;
  links: Links;
  active: number;
  isMaximized: boolean;
  contents: readonly PaneContent[];
}

export class PaneGrid implements PaneHost {
  readonly loader: FrameLoader;
  readonly left = new Map<string, { index: number; view: KeptView | null }>();
  private readonly sessions = new Map<number, PaneSession>();
  private isFirst = true;
  private isLinking = false;

  constructor(
    team: string,
    private readonly undoLog: UndoLog,
    private readonly onFirstImage: () => void,
  ) {
    this.loader = new FrameLoader(team, (seriesUid, index) => {
      for (const session of this.sessions.values()) session.settled(seriesUid, index);
    });
    window.addEventListener("online", this.online);
    window.addEventListener("offline", this.offline);
  }

  destroy(): void {
    window.removeEventListener("online", this.online);
    window.removeEventListener("offline", this.offline);
    for (const session of this.sessions.values()) session.destroy();
    this.sessions.clear();
    this.loader.destroy();
    cornerstoneHere()?.endEngine();
  }

  private readonly online = (): void => {
    this.loader.resume();
    useViewer.getState().panes.forEach(({ seriesUid }, place) => { if (seriesUid) void this.pane(place).open(seriesUid); });
  };

  private readonly offline = (): void => {
    this.loader.pause();
  };

  /** The pane at a place. */
  pane(place: number): PaneSession {
    const known = this.sessions.get(place);
    if (known) return known;
    const session = new PaneSession(place, this);
    this.sessions.set(place, session);
    return session;
  }

  get active(): PaneSession {
    return this.pane(useViewer.getState().active);
  }

  /** The panes that there are. */
  all(): PaneSession[] {
    return useViewer.getState().panes.map((_, place) => this.pane(place));
  }

  activate(place: number): void {
    if (useViewer.getState().active === place) return;
    useViewer.setState({ active: place });
    this.onFocus();
  }

  /** Chooses a tool of the segments; null gives the pointer back to the tool from before. */
  setSegmentTool(tool: SegmentTool | null): void {
    useSegments.setState({ tool });
    // On a phone the panel lies over the picture.
    if (tool) useViewer.setState({ drawer: "none" });
  }

  setTool(tool: ToolName): void {
    useViewer.setState({ tool });
    this.setSegmentTool(null);
    void cornerstoneComes().then(({ choose }) => { choose(useViewer.getState().tool); }).catch(() => undefined);
  }

  // --- what panes tell --------------------------------------------------------------------------------------------

  onFocus(): void {
    const { active, panes } = useViewer.getState();
    const places = [active, ...panes.map((_, place) => place).filter((place) => place !== active)];
    this.loader.focus(places.flatMap((place) => this.sessions.get(place)?.focus() ?? []));
  }

  onRendered(): void {
    if (!this.isFirst) return;
    this.isFirst = false;
    this.onFirstImage();
  }

  onMoved(place: number, steps: number): void {
    const state = useViewer.getState();
    if (!state.links.scroll || this.isLinking) return;
    this.isLinking = true;
    const moved = shownOrWanted(paneAt(state, place));
    state.panes.forEach((pane, other) => {
      if (other === place || pane.kind !== "stack" || !pane.seriesUid) return;
      const { index, count } = placeOfPane(state, pane);
      const own = framesOfPane(state, pane).slice(pane.phase * count, (pane.phase + 1) * count);
      const nearest = moved && nearestPlace(moved, own);
      this.pane(other).moveBy(nearest === null || nearest === undefined ? steps : nearest - index);
    });
    this.isLinking = false;
  }

  onCut(frameOfReferenceUid: string, wanted: Cut): void {
    const cut = this.all().reduce((kept, session) => session.within(frameOfReferenceUid, kept), wanted);
    useViewer.setState(({ cuts }) => ({ cuts: { ...cuts, [frameOfReferenceUid]: cut } }));
    for (const session of this.all()) session.follow(frameOfReferenceUid, cut);
  }

  /** Takes note of how planes have been moved since `before`. */
  noteCut(frameOfReferenceUid: string, before: Cut): void {
    const after = useViewer.getState().cuts[frameOfReferenceUid];
    if (!after || after === before) return;
    const put = (cut: Cut) => (): void => { this.onCut(frameOfReferenceUid, cut); };
    this.undoLog.push({ undo: put(before), redo: put(after) });
  }

  // --- layouts ----------------------------------------------------------------------------------------------------

  /** Lays the panes out as a study begins: that is no step to undo. */
  begin(layout: Layout): void {
    this.arrange(this.planned(layout));
    for (const [place, { window }] of layout.panes.entries()) if (window) this.windowOnceShown(place, window);
  }

  /** Lays the panes out anew, with the series that the layout asks for; panes without a wish keep or take what is open. */
  setLayout(layout: Layout): void {
    const before = this.arrangement();
    this.arrange(this.planned(layout));
    const after = this.arrangement();
    this.undoLog.push({ undo: () => { this.arrange(before); }, redo: () => { this.arrange(after); } });
    for (const [place, { window }] of layout.panes.entries()) if (window) this.windowOnceShown(place, window);
  }

  /** A window is of the picture: it waits for it. */
  private windowOnceShown(place: number, window: NonNullable<PaneSpec["window"]>): void {
    const stop = useViewer.subscribe((state) => {
      const pane = paneAt(state, place);
      if (!pane.view || pane.shownSeriesUid !== pane.seriesUid) return;
      stop();
      this.pane(place).view?.setWindow(window);
    });
  }

  private planned({ rows, columns, panes, links }: Layout): Arrangement {
    const state = useViewer.getState();
    const current = state.study?.series ?? [];
    const prior = Object.values(state.others)[0]?.series ?? [];
    const open = activePane(state);
    const contents = Array.from({ length: rows * columns }, (_, place): PaneContent => {
      const spec = panes[place];
      const before = state.panes[place];
      if (!spec) return contentOf(before ?? EMPTY_PANE);
      const wanted = spec.series ? seriesFor(spec.series, current, prior) : null;
      const over = spec.fusion ? seriesFor(spec.fusion, current, prior) : null;
      const fallback = spec.kind === "stack" ? (before?.seriesUid ?? null) : open.seriesUid;
      return {
        ...contentOf(EMPTY_PANE),
        kind: spec.kind,
        plane: spec.plane,
        projection: spec.projection,
        fusion: over && { seriesUid: over.series_instance_uid, ...DEFAULT_FUSION },
        seriesUid: spec.series ? (wanted?.series_instance_uid ?? null) : fallback,
      };
    });
    // What is open stays open, whatever the grid's first series is.
    const isPlain = contents.every(({ kind }) => kind === "stack") && panes.every((spec) => spec.series?.study === "current" && !spec.series.modality && !spec.series.description);
    return { rows, columns, links, active: 0, isMaximized: false, contents: isPlain ? keepingOpen(contents, state.panes) : contents };
  }

  private arrangement(): Arrangement {
    const { rows, columns, links, active, isMaximized, panes } = useViewer.getState();
    return { rows, columns, links, active, isMaximized, contents: panes.map(contentOf) };
  }

  private arrange({ rows, columns, links, active, isMaximized, contents }: Arrangement): void {
    const { panes } = useViewer.getState();
    for (const [place, session] of this.sessions) {
      if (place < contents.length) continue;
      session.destroy();
      this.sessions.delete(place);
    }
    useViewer.setState({
      rows, columns, links, isMaximized,
      active: Math.min(active, contents.length - 1),
      panes: contents.map((content, place) => {
        const before = panes[place];
        return before && before.seriesUid === content.seriesUid ? before : { ...EMPTY_PANE, ...content, seriesUid: null };
      }),
    });
    contents.forEach((content, place) => {
      const session = this.pane(place);
      if (content.seriesUid) session.change(content);
      else session.clear();
    });
  }

  /** Changes what a pane shows, as a step that can be undone. */
  change(place: number, content: Partial<PaneContent>): void {
    const session = this.pane(place);
    const before = contentOf(paneAt(useViewer.getState(), place));
    session.change(content);
    const after = { ...before, ...content };
    this.undoLog.push({ undo: () => { session.change(before); }, redo: () => { session.change(after); } });
  }

  /** Opens a series in the active pane, as a step that can be undone. */
  async open(seriesUid: string, slice?: number): Promise<void> {
    const { active } = useViewer.getState();
    const before = activePane(useViewer.getState()).seriesUid;
    const opening = this.pane(active).open(seriesUid, slice);
    if (before && before !== seriesUid) {
      const go = (uid: string) => (): void => { void this.pane(active).open(uid); };
      this.undoLog.push({ undo: go(before), redo: go(seriesUid) });
    }
    await opening;
  }

  /** Shows a frame in the active pane, whichever series it is of; of a plane, the place in it. */
  async showFrame(seriesUid: string, sopInstanceUid: string, frameNumber: number, place: Vec3 | null): Promise<void> {
    if (activePane(useViewer.getState()).seriesUid !== seriesUid) await this.open(seriesUid);
    const { active } = this;
    if (sopInstanceUid && active.goToFrame(sopInstanceUid, frameNumber)) return;
    const cut = active.cut();
    if (place && cut) this.onCut(active.frameOfReference(), { ...cut, center: place });
  }

  /** Does something to the view of a pane, as a step that can be undone. */
  act(place: number, key: string | undefined, act: () => void): void {
    const { view } = this.pane(place);
    if (!view) return;
    const before = view.kept();
    act();
    this.noteView(place, before, key);
    this.passOn(place);
  }

  /** Takes note of what has been done to a view since. */
  noteView(place: number, before: KeptView, key?: string): void {
    const session = this.pane(place);
    const after = session.view?.kept();
    if (!after || JSON.stringify(before) === JSON.stringify(after)) return;
    const put = (kept: KeptView) => (): void => {
      session.view?.restore(kept);
      this.passOn(place);
    };
    this.undoLog.push({ undo: put(before), redo: put(after), ...(key === undefined ? {} : { key: `${place}/${key}` }) });
  }

  /** Gives window and place to the panes that are linked to this one. */
  passOn(place: number): void {
    const state = useViewer.getState();
    const { links } = state;
    const own = paneAt(state, place);
    const kept = this.pane(place).view?.kept();
    if (!kept || (!links.window && !links.place)) return;
    state.panes.forEach((pane, other) => {
      const { view } = this.pane(other);
      if (other === place || !view || pane.kind !== own.kind || own.kind === "solid") return;
      const theirs = view.kept();
      view.restore(own.kind === "stack" ? linkedStack(kept, theirs, links) : linkedPlane(kept, theirs, links));
    });
  }

  setLinks(change: Partial<Links>): void {
    const before = useViewer.getState().links;
    const put = (links: Links) => (): void => { useViewer.setState({ links }); };
    const after = { ...before, ...change };
    put(after)();
    this.undoLog.push({ undo: put(before), redo: put(after) });
  }

  /** Takes in what has arrived of a series since it was fetched. */
  async grow(seriesUid: string): Promise<void> {
    const old = useViewer.getState().frames[seriesUid];
    if (!old) return;
    const frames = await this.loader.framesAfresh(seriesUid);
    if (!frames) return;
    useViewer.getState().panes.forEach((pane, place) => {
      if (pane.seriesUid === seriesUid) this.pane(place).grown(old, frames);
    });
  }
}

const contentOf = ({ kind, plane, projection, fusion, preset, colormap, seriesUid }: PaneContent): PaneContent =>
  ({ kind, plane, projection, fusion, preset, colormap, seriesUid });

function shownOrWanted(pane: PaneState) {
  const state = useViewer.getState();
  return pane.kind === "stack" ? framesOfPane(state, pane)[pane.index] : shownFrameOf(state, pane);
}

/** Returns the panes of a plain grid with what was open before in its places, the rest of the study's series after it. */
function keepingOpen(contents: readonly PaneContent[], before: readonly PaneState[]): PaneContent[] {
  const open = before.map(({ seriesUid }) => seriesUid).filter((uid) => uid !== null);
  const rest = contents.map(({ seriesUid }) => seriesUid).filter((uid) => uid !== null && !open.includes(uid));
  return contents.map((content, place) => ({ ...content, seriesUid: before[place]?.seriesUid ?? rest.shift() ?? null }));
}

type Properties = Readonly<Record<string, unknown>>;

function linkedStack(from: KeptView, to: KeptView, links: Links): KeptView {
  const [a, b] = [from.properties as Properties, to.properties as Properties];
  return {
    presentation: links.place ? from.presentation : to.presentation,
    properties: links.window && a.voiRange ? { ...b, voiRange: a.voiRange } : b,
  };
}

function linkedPlane(from: KeptView, to: KeptView, links: Links): KeptView {
  return {
    ...to,
    ...(links.window && { window: from.window, isInverted: from.isInverted }),
    ...(links.place && { zoom: from.zoom }),
  };
}
