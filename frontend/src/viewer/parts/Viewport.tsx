/** One pane: the picture, with everything that lies over it and the strip beside it. */

import { Button, Loader } from "@mantine/core";
import { useEffect, useRef, type PointerEvent, type RefObject } from "react";
import { useTranslation } from "react-i18next";

import { useContextMenu } from "../marks/ContextMenu";
import type { KeptView } from "../cornerstone/view";
import { useCine, useWheel } from "../hooks";
import { usePane, usePaneSession, usePlace, useSession } from "../session";
import { framesOfPane, NOT_LOADING, placeOfPane, seriesOf, setPane, useViewer, type PaneState, type ViewerState } from "../state/viewerStore";
import styles from "../viewer.module.css";
import { PaintLayer } from "../segments/PaintLayer";
import { Crosshairs } from "./Crosshairs";
import { Overlays } from "./Overlays";
import { Preview } from "./Preview";
import { ReferenceLines } from "./ReferenceLines";
import { ResultOverlay, useIsSplit } from "./ResultOverlay";
import { SliceBar } from "./SliceBar";

/** What a dragged series is called while it is on its way to a pane. */
export const DRAGGED_SERIES = "application/x-medportal-series";

export function Viewport() {
  const session = useSession();
  const pane = usePaneSession();
  const place = usePlace();
  const frame = useRef<HTMLDivElement>(null);
  const picture = useRef<HTMLDivElement>(null);
  useWheel(frame, session, place);
  useCine(pane);
  useEffect(() => {
    const element = picture.current;
    if (!element) return undefined;
    pane.attach(element);
    return () => { pane.detach(); };
  }, [pane]);
  const probing = useProbe(picture);
  const noting = useNotedDrags();
  const pressing = useContextPress();
  const tool = useViewer((state) => state.tool);
  const kind = usePane((own) => own.kind);
  const isActive = useViewer((state) => state.active === place && state.panes.length > 1);
  const isHidden = usePane((own, state) => own.shownSeriesUid !== own.seriesUid || troubleOf(own, state) !== "");
  const isSingle = usePane((own, state) => own.kind === "solid" || placeOfPane(state, own).count < 2);
  const isSplit = useIsSplit();
  return (
    <div
      ref={frame}
      className={styles.pane}
      data-testid="pane"
      data-kind={kind}
      data-active={isActive || undefined}
      data-single={isSingle || undefined}
      data-split={isSplit || undefined}
      onPointerDownCapture={() => { session.grid.activate(place); }}
      onDoubleClick={() => { useViewer.setState(({ isMaximized, panes }) => ({ isMaximized: !isMaximized && panes.length > 1 })); }}
      onDragOver={(event) => { if (event.dataTransfer.types.includes(DRAGGED_SERIES)) event.preventDefault(); }}
      onDrop={(event) => {
        event.preventDefault();
        session.grid.activate(place);
        void session.grid.open(event.dataTransfer.getData(DRAGGED_SERIES));
      }}
      {...probing}
      {...pressing}
      onContextMenu={(event) => { event.preventDefault(); }}
    >
      {/* Another stack's picture must not stand under this one's texts. */}
      <div className={styles.stage} data-hidden={isHidden || undefined}>
        <div ref={picture} className={styles.picture} data-tool={kind === "solid" ? "turn" : tool} data-testid="picture" {...noting} />
        <ResultOverlay isSplit={isSplit} />
        <PaintLayer />
        <ReferenceLines />
        <Crosshairs />
        <Overlays />
      </div>
      <Preview />
      <Waiting />
      <SliceBar />
    </div>
  );
}

/** Tells the value under the mouse, also when the picture moves under it. */
function useProbe(picture: RefObject<HTMLElement | null>) {
  const pane = usePaneSession();
  const at = useRef<{ x: number; y: number } | null>(null);
  const view = usePane((own) => own.view);
  useEffect(() => {
    if (at.current) setPane(pane.place, { probe: pane.view?.probe(at.current.x, at.current.y) ?? null });
  }, [pane, view]);
  return {
    onPointerMove: ({ clientX, clientY, pointerType }: PointerEvent): void => {
      if (pointerType !== "mouse" || !picture.current) return;
      const { left, top } = picture.current.getBoundingClientRect();
      at.current = { x: clientX - left, y: clientY - top };
      setPane(pane.place, { probe: pane.view?.probe(at.current.x, at.current.y) ?? null });
    },
    onPointerLeave: (): void => {
      at.current = null;
      setPane(pane.place, { probe: null });
    },
  };
}

/** What a drag has done to window, place and size can be undone, and goes on to the panes that are linked. */
function useNotedDrags() {
  const { grid } = useSession();
  const place = usePlace();
  const before = useRef<KeptView | null>(null);
  return {
    onPointerDown: (): void => {
      before.current = grid.pane(place).view?.kept() ?? null;
      const released = (): void => {
        window.removeEventListener("pointerup", released);
        window.removeEventListener("pointercancel", released);
        // The tool's own end of the drag comes with the same event.
        setTimeout(() => {
          if (before.current) grid.noteView(place, before.current);
          grid.passOn(place);
        });
      };
      window.addEventListener("pointerup", released);
      window.addEventListener("pointercancel", released);
    },
  };
}

const LONG_PRESS_MS = 550;
const STILL_PX = 6;

/** A right click that does not move, or a finger that rests, opens the menu; moving it is the tool's. */
function useContextPress() {
  const session = useSession();
  const start = useRef<{ x: number; y: number; timer: ReturnType<typeof setTimeout> | undefined } | null>(null);
  const open = (x: number, y: number): void => { useContextMenu.setState({ at: { x, y }, markId: session.marks.under() }); };
  const end = (): void => {
    clearTimeout(start.current?.timer);
    start.current = null;
  };
  return {
    onPointerDown: ({ clientX: x, clientY: y, button, pointerType, isPrimary }: PointerEvent): void => {
      end();
      if (!isPrimary) return;
      const isTouch = pointerType === "touch";
      if (button !== 2 && !isTouch) return;
      start.current = { x, y, timer: isTouch ? setTimeout(() => { open(x, y); end(); }, LONG_PRESS_MS) : undefined };
    },
    onPointerMoveCapture: ({ clientX, clientY }: PointerEvent): void => {
      if (start.current && Math.hypot(clientX - start.current.x, clientY - start.current.y) > STILL_PX) end();
    },
    onPointerUp: ({ button }: PointerEvent): void => {
      const at = start.current;
      if (at && button === 2) open(at.x, at.y);
      end();
    },
    onPointerCancel: end,
  };
}

/** Returns why there is no picture, as the key of a text; "" when there is one or one is to come. */
function troubleOf(pane: PaneState, state: ViewerState): string {
  if (!state.study) return "";
  if (!state.study.series.length) return "no_series";
  if (!state.study.series.some((series) => series.is_displayable)) return "no_displayable";
  if (!pane.seriesUid) return state.panes.length > 1 ? "empty_pane" : "";
  if (pane.obstacle) return `volume.${pane.obstacle}`;
  const loading = state.loading[pane.seriesUid] ?? NOT_LOADING;
  if (loading.state === "failed") return loading.total === 0 && seriesOf(state, pane.seriesUid)?.number_of_frames ? "series_failed" : "reason.no_frames";
  return pane.kind === "stack" && loading.mask[pane.index] === 2 ? "reason.frame_failed" : "";
}

/** Says why there is no picture, or that the one on screen is not yet the one that is wanted. */
function Waiting() {
  const { t } = useTranslation("viewer");
  const { grid } = useSession();
  const pane = usePaneSession();
  const place = usePlace();
  const trouble = usePane(troubleOf);
  const isWaiting = usePane((own, state) => {
    if (!state.study?.series.length || !own.seriesUid) return false;
    if (own.kind !== "stack") return own.shownSeriesUid !== own.seriesUid;
    return framesOfPane(state, own)[own.index]?.imageId !== own.shownImageId || !own.shownImageId;
  });
  if (!trouble) return isWaiting ? <div className={styles.waiting}><Loader size="xs" color="gray" /> {t("overlay.loading")}</div> : null;
  const isWorthATry = ["series_failed", "reason.frame_failed"].includes(trouble);
  return (
    <div className={styles.centred} role="alert">
      <p>{t(trouble)}</p>
      {isWorthATry && <Button variant="default" size="xs" onClick={() => { void pane.tryAgain(); }}>{t("retry")}</Button>}
      {trouble.startsWith("volume.") && <Button variant="default" size="xs" onClick={() => { grid.change(place, { kind: "stack" }); }}>{t("volume.show_stack")}</Button>}
    </div>
  );
}
