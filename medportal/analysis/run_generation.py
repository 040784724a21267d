"""Lets a model make images, tells each as it is made, and keeps them as a series that says that it is synthetic."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.analysis.bursts import in_bursts
from medportal.analysis.generating import generation_of
from medportal.analysis.models import Analysis
from medportal.analysis.piece_events import to_event, told_pieces
from medportal.annotations.models import MADE_BY, Source
from medportal.annotations.services import label_instances, label_series
from medportal.archive import storage
from medportal.archive.models import Series
from medportal.archive.services import store_instance
from medportal.imaging.generated import Generation, generated_objects
from medportal.inference.generate import generate
from medportal.inference.pieces import Layer, SlicePiece
from medportal.inference.session import Session, Stop
from medportal.jobs.leases import Lease

# Where the labels that a model has learnt from are of no known scheme.
SCHEME = "synthetic-class"


def generate_series(lease: Lease, analysis: Analysis, session: Session) -> None:
    """Make the images of a claimed job and bring it to its end; images that have been told are not made again."""
    started = time.monotonic()
    made = generation_of(analysis, sha256=session.sha256)
    lease.report(stage="running")
    _tell(lease, analysis, session, made)
    # As they were told: whoever made them, their bytes are the same each time they are stored.
    pieces = told_pieces(lease.job, with_layers=True)
    lease.report(stage="storing")
    series = _store(lease, analysis, [pieces[index].layers[0].values for index in sorted(pieces)], made)
    version = analysis.model_version
    told: dict[str, Any] = {
        "study_instance_uid": made.study_uid,
        "series_instance_uid": made.series_uid,
        **analysis.parameters,
        "provider": session.provider,
        "model": version.model.name,
        "version": version.number,
        "precision": session.precision,
        "seconds": round(time.monotonic() - started, 3),
    }

    def write() -> None:
        _label(series, made, lease, scheme_of(version.manifest))
        Analysis.objects.filter(pk=analysis.pk).update(series=series)
        lease.emit("images.generated", told)

    lease.succeed(told, within=write)


def _tell(lease: Lease, analysis: Analysis, session: Session, made: Generation) -> None:
    done, count, stop = set(told_pieces(lease.job, with_layers=False)), len(made.labels), Stop()

    def pieces(go_on: Callable[[], None]) -> Iterator[SlicePiece]:
        wanted = analysis.parameters
        images = generate(session, count=count, seed=wanted["seed"], label=wanted["class"], stop=stop)
        for index, image in enumerate(images):
            if index not in done:
                yield _piece(index, count, made, image)
            go_on()

    for burst in in_bursts(pieces, check=lease.check, leave=stop.set):
        lease.emit_many([to_event(piece, label=made.labels[piece.index]) for piece in burst])
        done |= {piece.index for piece in burst}
        lease.report(progress=len(done) / count)


def _piece(index: int, count: int, made: Generation, image: NDArray[np.float32]) -> SlicePiece:
    """Return an image (channels, rows, columns) of 0…1 as a piece."""
    values = np.round(np.moveaxis(image, 0, -1) * 255).astype(np.uint8)
    values = values[..., 0] if values.shape[-1] == 1 else values
    region = (0.0, 0.0, float(values.shape[0]), float(values.shape[1]))
    return SlicePiece(
        index=index,
        count=count,
        sop_instance_uid=made.instance_uid(index),
        frame=1,
        probability=0.0,
        layers=(Layer("generated", values, region),),
    )


def _store(lease: Lease, analysis: Analysis, images: list[NDArray[np.uint8]], made: Generation) -> Series:
    """Take the images into the archive; those that are there already stay as they are."""
    series = None
    for content in generated_objects(images, made):
        lease.check()
        path = storage.new_incoming()
        path.write_bytes(content)
        stored = store_instance(team=analysis.team, path=path, actor=lease.job.created_by, door="model")
        series = stored.series
    assert series is not None
    return series


def scheme_of(manifest: Mapping[str, Any]) -> str:
    """Return the scheme by which a model's images are labelled: that of the cohort that it has learnt from."""
    return str(manifest.get("trained", {}).get("data", {}).get("scheme") or SCHEME)


def _label(series: Series, made: Generation, lease: Lease, scheme: str) -> None:
    """Keep beside the images which class they were to be of."""
    author, detail = lease.job.created_by, {MADE_BY: f"{made.model}@{made.version}"}
    classes = set(made.labels) - {""}
    if len(classes) == 1:
        label_series(series, scheme=scheme, value=classes.pop(), source=Source.MODEL, author=author, detail=detail)
    elif classes:
        values = {made.instance_uid(index): (label, detail) for index, label in enumerate(made.labels)}
        label_instances(series, scheme=scheme, values=values, source=Source.MODEL, author=author)
