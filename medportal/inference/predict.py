"""Run a package on a volume: each slice's answer as soon as it is done, and what all of them together say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from medportal.errors import InvalidError
from medportal.imaging.volumes import Volume
from medportal.inference.classify import Classify
from medportal.inference.detect import Detect
from medportal.inference.pieces import Answer, Runner, SlicePiece, go_on
from medportal.inference.preprocess import check_fit
from medportal.inference.reconstruct import Reconstruct
from medportal.inference.segment import Segment
from medportal.inference.session import Session, Stop

__all__ = ["Answer", "SlicePiece", "answer", "predict", "runner_of", "summarise"]
_RUNNERS: Mapping[str, type[Runner]] = {
    "classification": Classify,
    "segmentation": Segment,
    "detection": Detect,
    "autoencoder": Reconstruct,
}


def predict(
    session: Session,
    volume: Volume,
    *,
    skip: Collection[int] = (),
    check: Callable[[], None] = go_on,
    stop: Stop | None = None,
) -> Iterator[SlicePiece]:
    """Yield a piece for each slice that is not in `skip`, in order, as soon as it is done.

    `check` is called after each run of the network, and may raise what should end it; `stop` ends one in its midst, with
    `model_failed`. Raises InvalidError `package_does_not_fit` before the first piece, `model_failed` for an answer that
    is no number, or of other sizes than the manifest says.
    """
    runner = runner_of(session, volume, check, stop)
    check_fit(
        session.package.manifest.input,
        modality=volume.modality,
        slices=volume.number_of_slices,
        colour=volume.is_colour,
    )
    yield from runner.pieces(frozenset(skip))


def summarise(session: Session, volume: Volume, pieces: Iterable[SlicePiece]) -> Answer:
    """Return what the pieces of all slices, in any order, say of the series."""
    return runner_of(session, volume).summary(sorted(pieces, key=lambda piece: piece.index))


def answer(session: Session, volume: Volume) -> Answer:
    """Return what a package says of a series, all at once; raises as `predict`."""
    return summarise(session, volume, predict(session, volume))


def runner_of(session: Session, volume: Volume, check: Callable[[], None] = go_on, stop: Stop | None = None) -> Runner:
    """Return what runs a package on a series; raises InvalidError `package_does_not_fit` for a generator."""
    task = session.package.manifest.task
    if task not in _RUNNERS:
        raise InvalidError("package_does_not_fit", f"A model of the task {task} is not run on a series.")
    return _RUNNERS[task](session, volume, check, stop)
