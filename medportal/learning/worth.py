"""Measures what a generator's images are worth: `python -m medportal.learning.worth SPEC.json`, for an evaluation."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medportal.learning.child import Orders, Voice, run_told


def measure(spec: dict[str, Any], *, say: Callable[..., None], is_cancelled: Callable[[], bool]) -> None:
    """Evaluate a generator as any evaluation does, and then let classifiers learn from its images.

    `spec`: package (folder), data_dir (see `prepared`: whole series of the train and the measured split), kind (of
    cohort), work_dir, known (ways that an earlier attempt has ended). Says `stage`, `progress`, `way` for each that
    ends, and at the end `finished` with the document. Raises CancelledError and errors of `medportal.errors`.
    """
    import torch

    from medportal.inference.package import open_package
    from medportal.inference.session import Session
    from medportal.learning.assess import assess
    from medportal.learning.callbacks import CancelledError
    from medportal.learning.store import Prepared
    from medportal.learning.synthetic import WAYS, worth

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))

    def check() -> None:
        if is_cancelled():
            raise CancelledError

    def tell(part: float) -> None:
        check()
        say("progress", progress=1 - (1 - part) * len(ways) / len(WAYS))

    package = open_package(Path(spec["package"]))
    prepared = Prepared(Path(spec["data_dir"]), package.manifest.classes)
    session = Session(package, use_gpu=False)
    say("stage", stage="measuring")
    document = assess(session, prepared, spec["kind"], check)["document"]
    say("stage", stage="training")
    ways = [way for way in WAYS if way not in spec["known"]]
    for way, told in worth(session, prepared, Path(spec["work_dir"]), ways=ways, progress=tell):
        say("way", way=way, told=told)
    say("finished", document={**document, "provider": session.provider})


def main(spec_path: str) -> int:
    """Measure as the spec says; return the exit code."""
    voice, orders = Voice(), Orders()
    spec = json.loads(Path(spec_path).read_text())
    return run_told(voice, lambda: measure(spec, say=voice.say, is_cancelled=orders.cancelled.is_set))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
