"""Ready batches for the loop: while a GPU learns from one, a thread makes the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import IterableDataset

from medportal.learning.tasks.base import Batch


@dataclass(frozen=True)
class Plan:
    """What an epoch takes: the samples of each of its batches, and the seed of what is random in making them."""

    batches: list[list[Any]]
    seed: int


class Batches(IterableDataset[Batch]):
    """The batches of one epoch after another; of several processes each makes its own share.

    They are made ahead only where `is_ahead` says so: where the network runs on the processors too, a second team of
    threads would only be in its way: a step took a third longer.
    """

    def __init__(
        self,
        plan: Callable[[], Plan],
        make: Callable[[list[Any], torch.Generator], Batch],
        *,
        is_over: Callable[[], bool],
        is_ahead: Callable[[], bool],
    ) -> None:
        self._plan, self._make, self._is_over, self._is_ahead = plan, make, is_over, is_ahead

    def __iter__(self) -> Iterator[Batch]:
        plan = self._plan()
        generator = torch.Generator().manual_seed(plan.seed)
        yield from (self._made_ahead if self._is_ahead() else self._one_by_one)(plan, generator)

    def _made_ahead(self, plan: Plan, generator: torch.Generator) -> Iterator[Batch]:
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
            pending: Future[Batch] | None = None
            for refs in plan.batches:
                following = pool.submit(self._make, refs, generator)
                if pending is not None:
                    yield pending.result()
                pending = following
                if self._is_over():
                    break
            if pending is not None:
                yield pending.result()

    def _one_by_one(self, plan: Plan, generator: torch.Generator) -> Iterator[Batch]:
        for refs in plan.batches:
            yield self._make(refs, generator)
            if self._is_over():
                break
