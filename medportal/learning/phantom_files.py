"""Phantoms as DICOM files with their truth, made by processes of their own. Loads neither Django nor torch."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from medportal.imaging.marks import Box
from medportal.imaging.phantom_dicom import phantom_datasets
from medportal.imaging.phantoms import make_phantom
from medportal.imaging.written import to_file_bytes
from medportal.learning.phantom_data import PhantomCase, boxes_of, slice_labels

# Phantoms that may be finished before somebody has taken them: each is about 5 MB.
AHEAD = 4


@dataclass(frozen=True)
class PhantomFiles:
    """A phantom as DICOM files from feet to head, each slice's class by SOP Instance UID, its nodules, and boxes about them."""

    case: PhantomCase
    files: list[bytes]
    labels: dict[str, str]
    nodules: list[dict[str, Any]]
    boxes: tuple[Box, ...]


def make_files(case: PhantomCase) -> PhantomFiles:
    """Return the phantom of a case as files."""
    phantom = make_phantom(case.seed, case.kind)
    datasets = list(phantom_datasets(phantom, case.number))
    return PhantomFiles(
        case=case,
        files=[to_file_bytes(ds) for ds in datasets],
        labels=slice_labels(phantom, [str(ds.SOPInstanceUID) for ds in datasets]),
        nodules=[asdict(nodule) for nodule in phantom.nodules],
        boxes=boxes_of(phantom),
    )


def made_files(cases: list[PhantomCase], *, processes: int = 2) -> Iterator[PhantomFiles]:
    """Yield the phantoms in order, while `processes` make the next ones."""
    if not cases:
        return
    # Spawned, not forked: the children have no business with the caller's database connection and threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_end_with_parent) as pool:
        ahead: deque[Future[PhantomFiles]] = deque()
        for case in cases:
            ahead.append(pool.submit(make_files, case))
            if len(ahead) > AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _end_with_parent() -> None:
    """End this process when the one that wants the phantoms does: a pool's workers do not notice by themselves."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
