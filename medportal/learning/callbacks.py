"""What a training tells its surroundings while it runs, and how it learns that it is no longer wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from medportal.learning.tasks.base import Preview


class CancelledError(Exception):
    """The run was told to stop."""


@dataclass
class Reports:
    """What the loop tells its surroundings, and what it asks them."""

    epoch: Callable[[dict[str, Any]], None] = lambda _: None
    progress: Callable[[float], None] = lambda _: None
    usage: Callable[[dict[str, Any]], None] = lambda _: None
    previews: Callable[[list[Preview]], None] = lambda _: None
    is_cancelled: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Raise CancelledError once the run was told to stop."""
        if self.is_cancelled():
            raise CancelledError
