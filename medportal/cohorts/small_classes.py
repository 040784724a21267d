"""Classes of too few groups to be in each split: they are learnt from alone, as long as others can be split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

# As many classes must be in each split, for there to be something to tell apart.
_LEAST = 2


def groups_of_classes(held: Mapping[str, Collection[str]]) -> Counter[str]:
    """Return in how many groups each class is; `held` are the classes of each group."""
    return Counter(name for names in held.values() for name in set(names))


def kept_for_training(held: Mapping[str, Collection[str]], parts: int) -> set[str]:
    """Return the groups that hold a class of fewer groups than there are splits."""
    counts = groups_of_classes(held)
    return {group for group, names in held.items() if any(counts[name] < parts for name in names)}


def unsplittable(held: Mapping[str, Collection[str]], classes: Sequence[str], parts: int) -> str:
    """Return the class that is too small for a set to be split, "" where it can be.

    A small class may be kept for training where at least two others are in groups enough without its own.
    """
    counts = groups_of_classes(held)
    small = [name for name in classes if counts[name] < parts]
    kept = kept_for_training(held, parts)
    left = groups_of_classes({group: names for group, names in held.items() if group not in kept})
    absent = [name for name in small if not counts[name]]
    if small and (absent or sum(left[name] >= parts for name in classes) < _LEAST):
        return [*absent, *small][0]
    return ""
