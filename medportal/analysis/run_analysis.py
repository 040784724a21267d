"""Runs a claimed analysis: the resident model on the resident volume, each slice told as it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any
from uuid import UUID

from medportal.analysis.bursts import in_bursts
from medportal.analysis.models import Analysis
from medportal.analysis.piece_events import kept, to_event, told_pieces
from medportal.analysis.resident import sessions, volumes
from medportal.analysis.run_generation import generate_series
from medportal.annotations import label_maps
from medportal.annotations.services import save_result
from medportal.errors import ConflictError
from medportal.imaging.volumes import Volume
from medportal.inference.manifest import Manifest
from medportal.inference.pieces import Answer, SlicePiece
from medportal.inference.predict import predict, summarise
from medportal.inference.session import Session, Stop
from medportal.jobs.leases import Lease, claim
from medportal.zoo.packages import open_version

Pieces = dict[int, SlicePiece]


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
    # The digest is taken anew each time: what runs is what was approved.
    package = open_version(analysis.model_version)
    session = sessions().get(package, analysis.precision)
    if package.manifest.task == "generation":
        generate_series(lease, analysis, session)
        return
    assert analysis.series is not None
    volume = volumes().get(analysis.series)
    _require_room(analysis, volume, package.manifest)
    pieces = _told(lease, session, volume)
    lease.report(stage="finishing")
    answer = summarise(session, volume, pieces.values())
    _finish(lease, analysis, session, answer, pieces, seconds=time.monotonic() - started)


def _require_room(analysis: Analysis, volume: Volume, manifest: Manifest) -> None:
    """Refuse before the work what could not be kept after it; raises as `label_maps.require_room`."""
    if manifest.task == "segmentation" and analysis.series is not None:
        label_maps.require_stack(analysis.series, volume.array.shape[:3], "The mask")
        label_maps.require_room(volume.array.shape[:3])


def _told(lease: Lease, session: Session, volume: Volume) -> Pieces:
    """Run what has not been told yet, tell it, and return all pieces; layers only where they are the answer."""
    with_layers = session.package.manifest.task == "segmentation"
    done = told_pieces(lease.job, with_layers=with_layers)
    if any(not _is_of(piece, volume) for piece in done.values()):
        raise ConflictError("series_changed", "The series has changed since the analysis began: start it again.")
    lease.report(stage="running")
    skip, stop = frozenset(done), Stop()

    def pieces(go_on: Callable[[], None]) -> Iterator[SlicePiece]:
        return predict(session, volume, skip=skip, check=go_on, stop=stop)

    for burst in in_bursts(pieces, check=lease.check, leave=stop.set):
        lease.emit_many([to_event(piece) for piece in burst])
        done |= kept(burst, with_layers=with_layers)
        lease.report(progress=len(done) / volume.number_of_slices)
    return done


def _is_of(piece: SlicePiece, volume: Volume) -> bool:
    uids = volume.sop_instance_uids
    return piece.count == len(uids) and uids[piece.index] == piece.sop_instance_uid


def _finish(
    lease: Lease, analysis: Analysis, session: Session, answer: Answer, pieces: Pieces, *, seconds: float
) -> None:
    """Write verdict, result and the job's end in one transaction, so that there is all of it or none."""
    version = analysis.model_version
    told = {
        **asdict(answer.verdict),
        "provider": session.provider,
        "model": version.model.name,
        "version": version.number,
        "precision": session.precision,
        "seconds": round(seconds, 3),
    }
    # Packed before the transaction, which keeps everybody else waiting.
    mask = label_maps.columns_of(label_map) if (label_map := _mask_of(session, answer)) else None

    def write() -> None:
        lease.emit("series.verdict", told)
        _save(lease, analysis, session, answer, [pieces[index] for index in sorted(pieces)], mask)

    lease.succeed(told, within=write)


def _mask_of(session: Session, answer: Answer) -> label_maps.Mask | None:
    """Return the answer's mask, if it has one: of objects that are told apart each has its number."""
    classes = session.package.manifest.classes
    if answer.objects is not None:
        return label_maps.Mask(answer.objects, [{"value": 1, "label": classes[0]}], is_instances=True)
    if answer.mask is None:
        return None
    return label_maps.Mask(answer.mask, [{"value": k, "label": name} for k, name in enumerate(classes, start=1)])


def _save(
    lease: Lease,
    analysis: Analysis,
    session: Session,
    answer: Answer,
    pieces: list[SlicePiece],
    mask: dict[str, Any] | None,
) -> None:
    manifest = session.package.manifest
    assert analysis.series is not None
    result = save_result(
        job_id=lease.job.pk,
        series=analysis.series,
        author=lease.job.created_by,
        task=manifest.task,
        model=analysis.model_version.model.name,
        version=analysis.model_version.number,
        sha256=session.sha256,
        provider=session.provider,
        parameters={
            "input": asdict(manifest.input),
            "output": asdict(manifest.output),
            "precision": session.precision,
        },
        verdict=asdict(answer.verdict),
        slices=[
            {"sop_instance_uid": piece.sop_instance_uid, "frame": piece.frame, "probability": piece.probability}
            for piece in pieces
        ],
        boxes=answer.boxes,
        mask=mask,
    )
    Analysis.objects.filter(pk=analysis.pk).update(annotation_set=result)
