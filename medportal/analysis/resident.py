"""What stays in the worker between jobs: loaded models and decoded volumes, the most recent within a budget."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from threading import Lock

from django.conf import settings

from medportal.archive.models import Series
from medportal.archive.reading import load_series_volume
from medportal.imaging.volumes import Volume
from medportal.inference.session import ResidentSessions


class ResidentVolumes:
    """Decoded volumes by series and revision, the least recently used leaving when the budget is full."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._volumes: OrderedDict[tuple[int, int], Volume] = OrderedDict()
        self._lock = Lock()

    def get(self, series: Series) -> Volume:
        """Return the series as a volume, decoded at its first use and after each instance that joined it."""
        key = (series.pk, series.revision)
        with self._lock:
            volume = self._volumes.pop(key, None) or load_series_volume(series)
            self._volumes[key] = volume
            while len(self._volumes) > 1 and self._size_bytes() > self._budget_bytes:
                self._volumes.popitem(last=False)
            return volume

    def _size_bytes(self) -> int:
        return sum(volume.array.nbytes for volume in self._volumes.values())


@cache
def sessions() -> ResidentSessions:
    """Return this process's loaded models."""
    return ResidentSessions()


@cache
def volumes() -> ResidentVolumes:
    """Return this process's decoded volumes."""
    return ResidentVolumes(settings.RESIDENT_VOLUMES_BYTES)
