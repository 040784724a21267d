/** Says when the network or the live updates are away. */

import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { useOnline } from "../hooks";
import { onLive } from "../state/server";
import styles from "../viewer.module.css";

/** A short break is no news. */
const PATIENCE_MS = 2500;

function useIsLive(): boolean {
  const [isLive, setLive] = useState(true);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = onLive((now) => {
      clearTimeout(timer);
      if (now) setLive(true);
      else timer = setTimeout(() => { setLive(false); }, PATIENCE_MS);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, []);
  return isLive;
}

export function Banners() {
  const { t } = useTranslation("viewer");
  const isOnline = useOnline();
  const isLive = useIsLive();
  if (isOnline && isLive) return null;
  return <div className={styles.banner} role="status">{t(isOnline ? "reconnecting" : "offline")}</div>;
}
