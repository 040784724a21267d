"""Shows what a recipe makes of a few training samples: `python -m medportal.learning.preview SPEC.json`, for the form."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from medportal.learning.child import Orders, Voice, run_told

COUNT = 12


def preview(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return augmented training samples of a prepared folder as pictures; `spec` is that of `run.run`."""
    import torch

    from medportal.learning.recipes import input_spec
    from medportal.learning.run import told_preview
    from medportal.learning.store import Prepared
    from medportal.learning.tasks.known import make_task

    torch.set_num_threads(1)
    prepared = Prepared(Path(spec["data_dir"]), spec["classes"])
    config = spec["config"]
    task = make_task(spec["recipe"], prepared, config, input_spec(config, spec["modalities"]))
    generator = torch.Generator().manual_seed(config["seed"])
    return [told_preview(one) for one in task.augmented(COUNT, generator)]


def main(spec_path: str) -> int:
    """Say the pictures as one line; return the exit code."""
    voice = Voice()
    Orders()
    spec = json.loads(Path(spec_path).read_text())
    return run_told(voice, lambda: voice.say("previews", previews=preview(spec)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
