/** The study viewer: series on the left, the picture in the middle, results on the right. */

import { Button, Drawer, Group, Loader } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";

import "./words";
import { ContextMenu } from "./marks/ContextMenu";
import { TextDialog } from "./marks/TextDialog";
import { useKeys } from "./hooks";
import { Banners } from "./parts/Banners";
import { HelpOverlay } from "./parts/HelpOverlay";
import { PhoneBar } from "./parts/PhoneBar";
import { ResultsPanel } from "./parts/ResultsPanel";
import { SeriesList } from "./parts/SeriesList";
import { Toolbar } from "./parts/Toolbar";
import { PaneArea } from "./parts/PaneArea";
import { CloseContext, OpenContext, SessionContext, useClose, useSession, useStudySession } from "./session";
import { useViewer } from "./state/viewerStore";
import styles from "./viewer.module.css";

const TagsDialog = lazy(() => import("./exchange/TagsDialog"));

export interface ViewerPageProps {
  team: string;
  studyInstanceUid: string;
  /** Where to look first; without it, at the first series. */
  seriesInstanceUid?: string | undefined;
  /** Slice of that series' stack, from 0 as the site counts them. */
  slice?: number | undefined;
  /** Goes back to where the study was chosen. */
  onClose: () => void;
  /** Opens a series of another study. */
  onOpen: (studyInstanceUid: string, seriesInstanceUid: string) => void;
}

export default function ViewerPage({ team, studyInstanceUid, seriesInstanceUid, slice, onClose, onOpen }: ViewerPageProps) {
  const session = useStudySession(team, studyInstanceUid);
  useEffect(() => { session?.lookAt(seriesInstanceUid, slice); }, [session, seriesInstanceUid, slice]);
  useKeys(session);
  useDarkRoom();
  return (
    <div className={styles.viewer}>
      {session && (
        <SessionContext value={session}>
          <CloseContext value={onClose}>
            <OpenContext value={onOpen}>
              <Content />
            </OpenContext>
          </CloseContext>
        </SessionContext>
      )}
    </div>
  );
}

/** The viewer fills the window, and its menus and drawers are as dark as it is; a pull must not move the page. */
function useDarkRoom(): void {
  useEffect(() => {
    const page = document.documentElement;
    let chosen = page.dataset.mantineColorScheme;
    // The account's choice may arrive later than the viewer.
    const darken = (): void => {
      if (page.dataset.mantineColorScheme === "dark") return;
      chosen = page.dataset.mantineColorScheme;
      page.dataset.mantineColorScheme = "dark";
    };
    const observer = new MutationObserver(darken);
    observer.observe(page, { attributeFilter: ["data-mantine-color-scheme"] });
    darken();
    page.style.overscrollBehavior = "none";
    return () => {
      observer.disconnect();
      page.dataset.mantineColorScheme = chosen;
      page.style.overscrollBehavior = "";
    };
  }, []);
}

function Content() {
  const trouble = useViewer((state) => state.trouble);
  const areTagsOpen = useViewer((state) => state.areTagsOpen);
  const isOpening = useViewer((state) => !state.study);
  const isNarrow = useMediaQuery("(max-width: 62em)", window.innerWidth < 992, { getInitialValueInEffect: false });
  const { t } = useTranslation("viewer");
  if (trouble) return <Trouble />;
  return (
    <>
      <Toolbar isNarrow={isNarrow} />
      <Banners />
      <div className={styles.columns}>
        {!isNarrow && <aside className={styles.left} aria-label={t("series")}><SeriesList /></aside>}
        <main className={styles.middle}>
          <PaneArea />
          {isOpening && <div className={styles.centred}><Loader size="sm" /><span>{t("loading_study")}</span></div>}
        </main>
        {!isNarrow && <aside className={styles.right} aria-label={t("results")}><ResultsPanel /></aside>}
      </div>
      {isNarrow && <><PhoneBar /><Drawers /></>}
      <HelpOverlay />
      <TextDialog />
      <Suspense>{areTagsOpen && <TagsDialog />}</Suspense>
      <ContextMenu />
    </>
  );
}

function Drawers() {
  const drawer = useViewer((state) => state.drawer);
  const { t } = useTranslation("viewer");
  const close = (): void => { useViewer.setState({ drawer: "none" }); };
  return (
    <>
      <Drawer opened={drawer === "series"} onClose={close} title={t("series")} size="16rem" padding="xs" closeButtonProps={{ "aria-label": t("close") }}>
        <SeriesList onChosen={close} />
      </Drawer>
      <Drawer opened={drawer === "results"} onClose={close} title={t("results")} position="bottom" size="62%" padding="xs" closeButtonProps={{ "aria-label": t("close") }}
        overlayProps={{ backgroundOpacity: 0.25 }}>
        <ResultsPanel />
      </Drawer>
    </>
  );
}

function Trouble() {
  const trouble = useViewer((state) => state.trouble);
  const { t } = useTranslation("viewer");
  const session = useSession();
  const close = useClose();
  return (
    <div className={styles.centred} role="alert">
      <p>{t(trouble ?? "failed")}</p>
      <Group justify="center">
        {trouble === "failed" && <Button onClick={() => { session.reload(); }}>{t("retry")}</Button>}
        <Button variant="default" onClick={close}>{t("back")}</Button>
      </Group>
    </div>
  );
}
