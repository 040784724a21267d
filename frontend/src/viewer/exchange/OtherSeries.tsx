/** A series that is no stack of images: segmentations and reports, which can be taken over and read. */

import { Button, Loader, Modal } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { useSession } from "../session";
import { mayAnnotate } from "../state/rights";
import { detailOf, fetchReport, importSeries, instancesOf } from "../state/server";
import type { SeriesRow, StructuredReport } from "../state/shapes";
import { useViewer } from "../state/viewerStore";
import styles from "./exchange.module.css";
import { kindOfSeries } from "./kind";

export default function OtherSeries({ series, onClose }: { series: SeriesRow; onClose: () => void }) {
  const { t } = useTranslation("viewer");
  const session = useSession();
  const { team, studyUid } = session;
  const kind = kindOfSeries(series);
  const [isBusy, setBusy] = useState(false);
  const [told, setTold] = useState<readonly string[]>([]);
  const take = async (): Promise<void> => {
    setBusy(true);
    try {
      const made = await importSeries(team, studyUid, series.series_instance_uid);
      const [first] = made.segmentations;
      if (first) {
        await session.segments.load();
        await session.openSegmentation(first);
        useViewer.setState({ panel: "segments" });
      }
      setTold([t("exchange.taken", { segmentations: made.segmentations.length, count: made.marks }), ...made.left_out]);
      if (!made.left_out.length) onClose();
    } catch (error) {
      setTold([detailOf(error)]);
    }
    setBusy(false);
  };
  return (
    <Modal opened onClose={onClose} size={kind === "sr" ? "xl" : "md"} title={series.series_description || t(kind === "sr" ? "exchange.report" : "exchange.segmentation")} closeButtonProps={{ "aria-label": t("close") }}>
      {kind === "sr" && <Reports series={series} />}
      {told.map((one) => <p key={one} role="status">{one}</p>)}
      {mayAnnotate(team) && <Button size="sm" loading={isBusy} onClick={() => { void take(); }}>{t(kind === "sr" ? "exchange.take_marks" : "exchange.take_segments")}</Button>}
    </Modal>
  );
}

function Reports({ series }: { series: SeriesRow }) {
  const { t } = useTranslation("viewer");
  const { team, studyUid } = useSession();
  const [reports, setReports] = useState<readonly StructuredReport[] | null>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let isOver = false;
    const fetchAll = async (): Promise<StructuredReport[]> => {
      const uids = await instancesOf(team, studyUid, series.series_instance_uid);
      return Promise.all(uids.slice(0, 20).map((uid) => fetchReport(team, studyUid, uid)));
    };
    fetchAll().then((found) => { if (!isOver) setReports(found); }, (error: unknown) => { if (!isOver) setTrouble(detailOf(error)); });
    return () => { isOver = true; };
  }, [team, studyUid, series.series_instance_uid]);
  if (trouble) return <p role="alert">{trouble}</p>;
  if (!reports) return <Loader size="sm" />;
  return <>{reports.map((report, place) => <Report key={place} report={report} label={t("exchange.report")} />)}</>;
}

function Report({ report, label }: { report: StructuredReport; label: string }) {
  return (
    <article className={styles.report} aria-label={label} data-testid="structured-report">
      <p className={styles.flags}>{[report.completion, report.verification].filter(Boolean).join(" · ")}</p>
      {report.items.map((item, place) =>
        item.kind === "CONTAINER" ? (
          <h4 key={place} style={{ marginInlineStart: `${Math.max(0, item.depth - 1) * 14}px` }} data-top={item.depth === 0 || undefined}>{item.concept}</h4>
        ) : (
          <p key={place} style={{ marginInlineStart: `${Math.max(0, item.depth - 1) * 14}px` }}>
            {item.concept && <span>{item.concept}: </span>}
            <b>{item.value} {item.unit}</b>
            {item.references.length > 0 && <small> {item.references.map((one) => `…${one.sop_instance_uid.slice(-12)}${one.frame_number ? ` #${one.frame_number}` : ""}`).join(", ")}</small>}
          </p>
        ),
      )}
    </article>
  );
}
