"""What a training has said that nobody listened to: JSON lines beside its spec, read once it has ended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_NAME = "told.jsonl"


def kept_beside(spec_path: Path) -> Path | None:
    """Return where this process is to keep what it says; None unless it is the first one of a torchrun."""
    return spec_path.with_name(_NAME) if os.environ.get("RANK") == "0" else None


def told_in(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what was said in a folder, in order; a line that was cut off is the end."""
    path = folder / _NAME
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                return
