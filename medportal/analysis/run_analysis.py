"""Runs a claimed analysis: the resident model on the resident volume, each slice told as it is done."""

from __future__ import annotations

import time
import zlib
from dataclasses import asdict
from typing import Any
from uuid import UUID

from medportal.analysis.bursts import in_bursts
from medportal.analysis.models import Analysis
from medportal.analysis.resident import sessions, volumes
from medportal.annotations.services import save_result
from medportal.inference.postprocess import Verdict
from medportal.inference.predict import SlicePiece, predict, series_verdict
from medportal.inference.session import Session
from medportal.jobs.leases import Lease, claim
from medportal.zoo.packages import open_version

Piece = tuple[str, dict[str, Any], bytes | None]
# Below this, deflating a map saves nothing that a socket would notice.
DEFLATE_FROM_BYTES = 1024


def run_analysis(job_id: UUID | str, *, worker: str) -> None:
    """Claim the job and bring it to its end; nothing happens where it is not there to be claimed."""
    with claim(job_id, worker=worker) as lease:
        if lease is not None:
            _run(lease)


def _run(lease: Lease) -> None:
    started = time.monotonic()
    rows = Analysis.objects.select_related("series__study", "series__team", "model_version__model__team")
    analysis = rows.get(job=lease.job)
    lease.report(stage="loading")
    version = analysis.model_version
    # The digest is taken anew each time: what runs is what was approved.
    package = open_version(version)
    session = sessions().get(package)
    volume = volumes().get(analysis.series)
    done = {piece["index"]: piece for piece in lease.pieces("slice.predicted")}
    lease.report(stage="running")
    for burst in in_bursts(predict(session, volume, skip=done), check=lease.check):
        pieces = [describe_piece(piece) for piece in burst]
        lease.emit_many(pieces)
        done |= {data["index"]: data for _, data, _ in pieces}
        lease.report(progress=len(done) / volume.number_of_slices)
    _finish(lease, analysis, session, [done[index] for index in sorted(done)], seconds=time.monotonic() - started)


def describe_piece(piece: SlicePiece) -> Piece:
    """Return a slice as a `slice.predicted` event: its data, and the map as the payload."""
    raw = piece.activation.tobytes()
    is_deflated = len(raw) >= DEFLATE_FROM_BYTES
    data = {
        "index": piece.index,
        "count": piece.count,
        "sop_instance_uid": piece.sop_instance_uid,
        "frame": piece.frame,
        "probability": round(piece.probability, 6),
        "shape": list(piece.activation.shape),
        "dtype": "uint8",
        "encoding": "deflate" if is_deflated else "raw",
        "region": [round(float(edge), 3) for edge in piece.region],
        "scale": piece.scale,
    }
    return "slice.predicted", data, zlib.compress(raw, 1) if is_deflated else raw


def _finish(
    lease: Lease, analysis: Analysis, session: Session, pieces: list[dict[str, Any]], *, seconds: float
) -> None:
    """Write verdict, result and the job's end in one transaction, so that there is all of it or none."""
    verdict = series_verdict(session, [piece["probability"] for piece in pieces])
    version = analysis.model_version
    told = {
        **asdict(verdict),
        "provider": session.provider,
        "model": version.model.name,
        "version": version.number,
        "seconds": round(seconds, 3),
    }

    def write() -> None:
        lease.emit("series.verdict", told)
        _save(lease, analysis, session, verdict, pieces)

    lease.succeed(told, within=write)


def _save(lease: Lease, analysis: Analysis, session: Session, verdict: Verdict, pieces: list[dict[str, Any]]) -> None:
    manifest = session.package.manifest
    result = save_result(
        job_id=lease.job.pk,
        series=analysis.series,
        author=lease.job.created_by,
        task=manifest.task,
        model=analysis.model_version.model.name,
        version=analysis.model_version.number,
        sha256=session.package.sha256,
        provider=session.provider,
        parameters={"input": asdict(manifest.input), "output": asdict(manifest.output)},
        verdict=asdict(verdict),
        slices=[{name: piece[name] for name in ("sop_instance_uid", "frame", "probability")} for piece in pieces],
    )
    Analysis.objects.filter(pk=analysis.pk).update(annotation_set=result)
