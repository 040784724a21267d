/** What fills a pane until its first frame has come: the series' picture as the site has made it, to look ahead by. */

import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import { usePane } from "../session";
import { previewUrl } from "../state/server";
import { seriesOf, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";

export function Preview() {
  const { t } = useTranslation("viewer");
  const canvas = useRef<HTMLCanvasElement>(null);
  const team = useViewer((state) => state.team);
  const isAwaited = usePane(({ kind, shownSeriesUid, seriesUid }) => kind === "stack" && shownSeriesUid !== seriesUid);
  const uid = usePane(({ seriesUid }) => seriesUid);
  const revision = usePane(({ seriesUid }, state) => seriesOf(state, seriesUid)?.thumbnail_revision ?? 0);
  const address = isAwaited && uid && revision ? previewUrl(team, uid, revision) : "";
  useEffect(() => {
    const onto = canvas.current;
    if (!onto || !address) return undefined;
    const picture = new Image();
    picture.onload = () => {
      [onto.width, onto.height] = [picture.naturalWidth, picture.naturalHeight];
      onto.getContext("2d")?.drawImage(picture, 0, 0);
      onto.dataset.drawn = "true";
      performance.mark("first-preview");
    };
    picture.src = address;
    return () => { picture.onload = null; };
  }, [address]);
  if (!address) return null;
  return <div className={styles.preview} data-testid="preview"><canvas key={address} ref={canvas} aria-hidden /><span>{t("preview")}</span></div>;
}
