/** Series that look like the open one, as a model sees them; a click opens one. */

import { Button, Loader, Switch } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { dicomDate, percent } from "../logic/format";
import { useOpen, useSession } from "../session";
import { useMayPlaceAll } from "../state/rights";
import { thumbnailUrl } from "../state/server";
import type { Similar, SimilarCase } from "../state/shapes";
import { useSimilar } from "../state/similarStore";
import { activeSeriesUid, useViewer } from "../state/viewerStore";
import styles from "../viewer.module.css";

export function SimilarCases() {
  const { t } = useTranslation("viewer");
  const { similar } = useSession();
  const status = useSimilar((state) => state.status);
  const withOwn = useSimilar((state) => state.withOwn);
  const hasSeries = useViewer((state) => activeSeriesUid(state) !== null);
  const isBusy = ["asking", "computing", "computing_all"].includes(status);
  return (
    <div className={styles.similar} data-testid="similar" data-status={status}>
      <Button size="xs" variant="default" leftSection={<IconSearch size={14} />} disabled={!hasSeries || isBusy} onClick={() => { void similar.find(withOwn); }}>
        {t("similar.find")}
      </Button>
      <Switch size="xs" label={t("similar.own")} checked={withOwn} disabled={isBusy} onChange={({ currentTarget: { checked } }) => {
        if (status === "found") void similar.find(checked);
        else useSimilar.setState({ withOwn: checked });
      }} />
      <Outcome />
    </div>
  );
}

function Outcome() {
  const { t } = useTranslation("viewer");
  const { status, found, job, detail } = useSimilar();
  switch (status) {
    case "asking":
      return <Waiting words={t("similar.asking")} />;
    case "computing":
      return <Waiting words={t(job?.state === "queued" ? "similar.queued" : "similar.computing")} />;
    case "computing_all":
      return <Waiting words={`${t("similar.computing_all")} ${percent(job?.progress ?? 0)}`} />;
    case "no_model":
    case "not_yet":
      return <p className={styles.empty} role="status">{t(`similar.${status}`)}</p>;
    case "failed":
      return <p className={styles.obstacle} role="alert">{t("similar.failed")}: {detail}</p>;
    case "found":
      return found && <Cases found={found} />;
    default:
      return null;
  }
}

const Waiting = ({ words }: { words: string }) => <p className={styles.waitingLine} role="status"><Loader size={14} color="gray" /> {words}</p>;

/** What has not been placed cannot be found. */
function Reach() {
  const { t } = useTranslation("viewer");
  const { similar } = useSession();
  const reach = useSimilar((state) => state.reach);
  const mayPlace = useMayPlaceAll();
  if (!reach || reach.embedded >= reach.series) return null;
  return (
    <>
      <p className={styles.empty}>{t("similar.reach", { embedded: reach.embedded, series: reach.series })}</p>
      {mayPlace && <Button size="compact-xs" variant="default" onClick={() => { void similar.placeAll(); }}>{t("similar.place_all")}</Button>}
    </>
  );
}

function Cases({ found }: { found: Similar }) {
  const { t } = useTranslation("viewer");
  const { model, version, compared, series } = found;
  return (
    <>
      {series.length === 0 && <p className={styles.empty} role="status">{t("similar.none")}</p>}
      <ol className={styles.seriesList}>{series.map((one) => <li key={one.series_instance_uid}><Case one={one} /></li>)}</ol>
      <p className={styles.empty}>{t("similar.compared", { count: compared, model: `${model}@${version}` })}</p>
      <Reach />
    </>
  );
}

function Case({ one }: { one: SimilarCase }) {
  const { t } = useTranslation("viewer");
  const { grid, studyUid } = useSession();
  const open = useOpen();
  const show = (): void => {
    if (one.study_instance_uid === studyUid) void grid.open(one.series_instance_uid);
    else open(one.study_instance_uid, one.series_instance_uid);
    useViewer.setState({ drawer: "none" });
  };
  return (
    <button type="button" className={styles.card} onClick={show}>
      <Thumbnail one={one} />
      <span className={styles.cardText}>
        <span className={styles.split}><b>{one.patient_id}</b><b title={t("similar.similarity")}>{one.similarity.toFixed(3)}</b></span>
        <small>{[dicomDate(one.study_date), one.series_description || one.study_description].filter(Boolean).join(" · ")}</small>
        <small><span className={styles.modality}>{one.modality}</span> {t("images", { count: one.number_of_frames })}</small>
        {one.is_synthetic && <small className={styles.synthetic} title={t("synthetic_hint")}>{t("synthetic")}</small>}
        {one.labels.map(({ scheme, value }) => <small key={scheme} className={styles.label}>{scheme}: <b>{value}</b></small>)}
      </span>
    </button>
  );
}

function Thumbnail({ one: { series_instance_uid: uid, thumbnail_revision: revision, modality } }: { one: SimilarCase }) {
  const team = useViewer((state) => state.team);
  return revision ? <img className={styles.thumbnail} alt="" loading="lazy" src={thumbnailUrl(team, uid, revision)} /> : <span className={styles.thumbnail}>{modality}</span>;
}
