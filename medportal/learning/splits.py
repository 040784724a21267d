"""The splits that a training uses: those of the cohort, and a validation split where it has none. Loads no torch."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from medportal.errors import InvalidError
from medportal.imaging.generated import PATIENT_PREFIX

# Part of the training groups that validates where the cohort has no such split.
CARVED = 0.15
Member = tuple[str, str, str]


def with_validation(members: Sequence[Member], *, seed: int) -> list[str]:
    """Return the split of each member (group, class, split), validation taken from the training where there is none.

    Of each class by itself, whole groups, by a keyed hash: the same wherever it is made. What a model has made up is for
    training alone. Raises InvalidError `empty_split` where nothing is left to train or to validate on.
    """
    splits = [split for _, _, split in members]
    if "train" not in splits:
        raise InvalidError("empty_split", "The cohort's train split is empty: there is nothing to learn from.")
    if "validation" in splits:
        return splits
    strata: dict[str, list[str]] = defaultdict(list)
    class_of: dict[str, str] = {}
    for group, label, split in members:
        if split == "train" and group not in class_of and not group.startswith(PATIENT_PREFIX):
            class_of[group] = label
            strata[label].append(group)
    chosen: set[str] = set()
    for groups in strata.values():
        ranked = sorted(groups, key=lambda group: hashlib.sha256(f"{seed}\x00{group}".encode()).digest())
        chosen |= set(ranked[: max(1, round(len(ranked) * CARVED)) if len(ranked) > 1 else 0])
    if not chosen:
        raise InvalidError(
            "empty_split", "The cohort has no validation split, and too few groups to take one from the training."
        )
    return ["validation" if split == "train" and group in chosen else split for group, _, split in members]


def measured_split(splits: Sequence[str]) -> str:
    """Return the split that the figures are taken on: test, or validation where there is no test."""
    return "test" if "test" in splits else "validation"
