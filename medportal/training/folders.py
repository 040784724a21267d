"""Where a training run keeps its files, and what remains of them at its end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings

CHECKPOINT, PACKAGE, SPEC = "checkpoint", "package", "spec.json"


class TrainingFolder:
    """The folder `<data>/jobs/<id>/`: prepared data for all attempts, and for each attempt one of its own.

    An attempt writes into its own folder alone. So a child whose watcher was cut off, and which has not noticed yet,
    cannot disturb the attempt that has taken over.
    """

    def __init__(self, job_id: UUID) -> None:
        self.root = Path(settings.DATA_DIR) / "jobs" / str(job_id)

    @property
    def prepared(self) -> Path:
        """Where the prepared samples lie, once they are complete."""
        return self.root / "prepared"

    def prepare(self, write: Callable[[Path], object]) -> None:
        """Have the samples written, under a name of their own until they are complete.

        So a cut-off attempt leaves nothing that looks whole.
        """
        unfinished = self.root / f".preparing-{uuid4().hex}"
        write(unfinished)
        try:
            unfinished.rename(self.prepared)
        except OSError:
            # An attempt that had been given up for lost was quicker.
            shutil.rmtree(unfinished)

    def attempt(self, number: int) -> Path:
        """Return an attempt's own folder."""
        return self.root / f"attempt-{number}"

    def begin_attempt(self, number: int) -> Path:
        """Make an attempt's folder, with the newest checkpoint of those before it."""
        folder = self.attempt(number)
        folder.mkdir(parents=True, exist_ok=True)
        for earlier in range(number - 1, 0, -1):
            # `.new` and `.copying` are half made; `.old` is whole where the exchange was cut off.
            named = (self.attempt(earlier) / name for name in (CHECKPOINT, f"{CHECKPOINT}.old"))
            whole = [path for path in named if path.exists()]
            for path in whole:
                _copy_whole(path, folder / path.name)
            if whole:
                break
        return folder

    def handed_out(self) -> Path | None:
        """Return the newest attempt's folder that has a spec; None where nothing has been prepared."""
        found = [path.parent for path in self.root.glob(f"attempt-*/{SPEC}")]
        return max(found, key=lambda folder: int(folder.name.partition("-")[2]), default=None)

    def clear(self, *, keep_attempts: bool) -> None:
        """Remove what is no longer needed; a failed run keeps its checkpoints and its log for a second look."""
        if not keep_attempts:
            shutil.rmtree(self.root, ignore_errors=True)
            return
        for path in [self.prepared, *self.root.glob(".preparing-*"), *self.root.glob(f"attempt-*/{PACKAGE}")]:
            shutil.rmtree(path, ignore_errors=True)


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a checkpoint under a name of its own first: one that is half copied must not look whole."""
    unfinished = target.with_suffix(".copying")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(source, unfinished)
    shutil.rmtree(target, ignore_errors=True)
    unfinished.rename(target)
