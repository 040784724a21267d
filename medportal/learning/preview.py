"""Shows what a recipe makes of a few training samples: `python -m medportal.learning.preview SPEC.json`, for the form."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medportal.learning.child import Orders, Voice, run_told

if TYPE_CHECKING:
    from medportal.learning.tasks.base import Preview, Task

COUNT = 12
# Samples of which one is to show an augmentation, and how often it is drawn for one.
CANDIDATES, DRAWS = 6, 5
# How many are tried, by dimensions, until one changes: a mosaic leaves findings alone, and volumes take long.
TRIED = {2: CANDIDATES, 3: 2}
# Pixels a side of its pictures, of which there are many.
SIDE = 128


def preview(spec: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return augmented training samples of a prepared folder as pictures; `spec` is that of `run.run`.

    `previews` are a dozen samples; `rows` are a sample untouched and with each augmentation alone, {setting, previews}.
    """
    import torch

    from medportal.learning.recipes import input_spec
    from medportal.learning.run import told_preview
    from medportal.learning.store import Prepared
    from medportal.learning.tasks.known import make_task

    torch.set_num_threads(1)
    prepared = Prepared(Path(spec["data_dir"]), spec["classes"])
    config = dict(spec["config"])
    task = make_task(spec["recipe"], prepared, config, input_spec(config, spec["modalities"]))
    # What critics see is drawn from torch's own.
    generator = torch.manual_seed(config["seed"])
    previews = [told_preview(one) for one in task.pictured(task.some(COUNT), generator)]
    rows = [
        {"setting": name, "previews": [told_preview(one, SIDE) for one in pictures]}
        for name, pictures in _rows(task, spec["recipe"], generator)
    ]
    return {"previews": previews, "rows": rows}


def _rows(task: Task, recipe: str, generator: Any) -> Iterator[tuple[str, list[Preview]]]:
    """Yield each augmentation that changes anything, and a sample untouched, then varied by it alone.

    The task reads its configuration for each batch: prepared samples and network serve for all.
    """
    from medportal.learning.recipes.augmenting import each_alone, untouched

    each = each_alone(recipe, task.config)
    refs = task.some(CANDIDATES)
    task.config.update(untouched(recipe))
    plain = task.pictured(refs, generator)
    # Those first on which most is to be seen.
    order = sorted(range(len(refs)), key=lambda k: -float(plain[k].image.std()))
    for one in each:
        task.config.update(one.settings)
        for k in order[: TRIED[task.spec.dimensions]]:
            others = [refs[other] for other in order if other != k] if one.takes_of_others else []
            drawn = task.pictured([refs[k]] * DRAWS + others, generator)[:DRAWS]
            varied = {picture.image.tobytes(): picture for picture in drawn}
            varied.pop(plain[k].image.tobytes(), None)
            if varied:
                shown = [replace(picture, caption="", kind="varied") for picture in varied.values()]
                yield one.name, [replace(plain[k], caption="", kind="untouched"), *shown]
                break


def main(spec_path: str) -> int:
    """Say the pictures as one line; return the exit code."""
    voice = Voice()
    Orders()
    spec = json.loads(Path(spec_path).read_text())
    return run_told(voice, lambda: voice.say("previews", **preview(spec)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
