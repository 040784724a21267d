"""Freezes chosen series with their targets as a cohort's next version: splits made or kept, content hashed, checked."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from medportal.accounts.models import Team, User
from medportal.annotations.models import AnnotationSet
from medportal.archive.models import Series
from medportal.audit.services import record
from medportal.cohorts import access
from medportal.cohorts.checking import check_of
from medportal.cohorts.fingerprints import fingerprint_of
from medportal.cohorts.models import Cohort, CohortMember, CohortVersion, Kind, Split
from medportal.cohorts.small_classes import groups_of_classes, kept_for_training, unsplittable
from medportal.cohorts.splitting import DEFAULT_FRACTIONS, split_groups
from medportal.errors import InvalidError

# Where groups hold several classes, seeds that are tried until each class is in each split, and how far they are apart.
_ATTEMPTS, _STRIDE = 20, 1_000_003


@dataclass(frozen=True)
class Choice:
    """A series to be frozen, with its target; without a split it is given one with the other series of its group."""

    series: Series
    group: str
    label: str = ""
    slice_labels: dict[str, str] = field(default_factory=dict)
    split: str | None = None
    labels: tuple[str, ...] = ()
    # With its label map.
    annotation_set: AnnotationSet | None = None
    # `imaging.marks.Box.to_json` of each box.
    boxes: Sequence[Mapping[str, Any]] = ()
    # Of its objects; `freeze_version` fills it in.
    series_sha256: str = ""
    # Who says so, as far as it is known: `annotations.models.Source`.
    source: str = ""

    @property
    def mask_sha256(self) -> str:
        """Hash of the mask, "" without one."""
        return str(self.annotation_set.label_map.sha256) if self.annotation_set is not None else ""

    def classes_in_it(self, kind: str) -> set[str]:
        """Return the classes that the series holds."""
        match kind:
            case Kind.CLASSES:
                return {self.label}
            case Kind.MULTI_LABEL:
                return set(self.labels)
            case Kind.MASKS if self.annotation_set is not None:
                return {segment["label"] for segment in self.annotation_set.label_map.segments if segment["voxels"]}
            case Kind.BOXES:
                return {str(box["label"]) for box in self.boxes}
        return set()


def freeze_version(
    team: Team,
    *,
    name: str,
    classes: Sequence[str],
    choices: Sequence[Choice],
    kind: str = Kind.CLASSES,
    scheme: str = "",
    fractions: Mapping[str, float] | None = None,
    seed: int = 0,
    title: str = "",
    description: str = "",
    horizon_days: float | None = None,
    actor: User | None,
) -> tuple[CohortVersion, bool]:
    """Freeze a content as the cohort's next version; returns (version, whether it is new).

    `scheme` is that of the labels: what is made after the version's example is labelled by it. Labels that are outcomes
    of patients have a horizon. The same content again is the version that there is. Raises InvalidError where a group
    would be on two sides of a split (`group_on_two_sides`), a class has too few patients to be in each split that is to
    be made (`class_too_small`), a target is of none of the classes (`unknown_class`), or the whole is empty or doubled.
    What a model has made up is for training alone, with its whole group: another split that is given to it is refused
    (`synthetic_not_in_training`).
    """
    _check_classes(classes, choices, kind)
    generated = access.generated_among([choice.series for choice in choices])
    made_up = {choice.group for choice in choices if choice.series.pk in generated}
    digests = access.digests_of([choice.series.pk for choice in choices])
    choices = [replace(choice, series_sha256=digests[choice.series.pk]) for choice in choices]
    complete = _with_splits(choices, list(classes), kind, fractions or DEFAULT_FRACTIONS, seed, made_up)
    _check_splits(complete, generated)
    content_hash = _content_hash(kind, classes, horizon_days, complete)
    version = CohortVersion.objects.filter(cohort__team=team, cohort__name=name, content_hash=content_hash).first()
    told = {} if version is not None else _reports(kind, scheme, horizon_days, classes, complete)
    with transaction.atomic():
        cohort = _locked_cohort(team, name, title, description)
        version = cohort.versions.filter(content_hash=content_hash).first()
        is_new = version is None
        if version is None:
            version = _insert(cohort, complete, actor, content_hash=content_hash, kind=kind, classes=classes, **told)
    access.count_members([version])
    return version, is_new


def _reports(
    kind: str, scheme: str, horizon_days: float | None, classes: Sequence[str], choices: Sequence[Choice]
) -> dict[str, Any]:
    """Return the fingerprint and the check of a content; both read rows alone."""
    held = [sorted(choice.classes_in_it(kind) & set(classes)) for choice in choices]
    series = [choice.series for choice in choices]
    splits, groups = [choice.split or "" for choice in choices], [choice.group for choice in choices]
    boxes = [choice.boxes for choice in choices]
    known = fingerprint_of(kind, classes, series, splits=splits, groups=groups, held=held, boxes=boxes)
    return {
        "fingerprint": {**known, "scheme": scheme, "horizon_days": horizon_days},
        "check_report": check_of(
            kind,
            classes,
            series,
            splits=splits,
            groups=groups,
            held=held,
            in_slices=[set(choice.slice_labels.values()) for choice in choices],
            sources=_sources_of(choices),
        ),
    }


def _sources_of(choices: Sequence[Choice]) -> dict[str, int]:
    """Return how many targets each source has given, those of known source alone."""
    return dict(sorted(Counter(choice.source for choice in choices if choice.source).items()))


def _check_classes(classes: Sequence[str], choices: Sequence[Choice], kind: str) -> None:
    if not choices:
        raise InvalidError("empty_cohort", "The selection holds no series with what is to be learnt.")
    if len(set(classes)) < len(classes):
        raise InvalidError("class_twice", "A class is named twice.")
    if kind not in Kind.values:
        raise InvalidError("unknown_kind", f"“{kind}” is no kind of cohort.")
    if (kind == Kind.IMAGES) != (not classes):
        raise InvalidError("classes", "A cohort has classes, unless it is of images alone.")
    seen: set[str] = set()
    for choice in choices:
        uid = choice.series.series_instance_uid
        if uid in seen:
            raise InvalidError("series_twice", f"Series {uid} is chosen twice.")
        seen.add(uid)
        if kind == Kind.MASKS:
            # Segments that are none of the classes are background.
            continue
        for label in (choice.classes_in_it(kind) | set(choice.slice_labels.values())) - set(classes):
            raise InvalidError("unknown_class", f"Series {uid} is labelled “{label}”, which is none of the classes.")
    if kind == Kind.MASKS:
        _check_masks(classes, choices)


def _check_masks(classes: Sequence[str], choices: Sequence[Choice]) -> None:
    """Refuse a series without a mask, and maps of instances together with maps of classes."""
    kinds: dict[bool, Series] = {}
    for choice in choices:
        if choice.annotation_set is None:
            raise InvalidError("unlabelled", f"Series {choice.series} has no mask.")
        kinds.setdefault(choice.annotation_set.label_map.is_instances, choice.series)
    if True in kinds and (False in kinds or len(classes) > 1):
        raise InvalidError("instances", f"The numbers of the mask of series {kinds[True]} are objects of one class.")


def _with_splits(
    choices: Sequence[Choice],
    classes: list[str],
    kind: str,
    fractions: Mapping[str, float],
    seed: int,
    made_up: Collection[str],
) -> list[Choice]:
    """Keep the splits that are given; where none is, make them by group, stratified by what the group holds.

    Groups of what is made up are for training, and count in no stratum.
    """
    given = [choice for choice in choices if choice.split]
    if given and len(given) < len(choices):
        missing = next(choice for choice in choices if not choice.split)
        raise InvalidError("split_missing", f"Series {missing.series} has no split, while others have one.")
    if given:
        return list(choices)
    _check_fractions(fractions)
    if made_up and not fractions.get(Split.TRAIN):
        one = next(choice for choice in choices if choice.group in made_up)
        raise _for_training(one, "there is no train split")
    real = [choice for choice in choices if choice.group not in made_up]
    splits = _made_splits(real, classes, kind, fractions, seed) | dict.fromkeys(made_up, Split.TRAIN)
    if missing_splits := {s for s, part in fractions.items() if part > 0} - set(splits.values()):
        raise InvalidError("too_few_groups", f"Too few patients: the {min(missing_splits)} split would be empty.")
    return [replace(choice, split=splits[choice.group]) for choice in choices]


def _made_splits(
    choices: Sequence[Choice], classes: list[str], kind: str, fractions: Mapping[str, float], seed: int
) -> dict[str, str]:
    """Return the split of each group; those of a class that is too small to be in each split are for training.

    Raises InvalidError `too_few_groups`, and `class_too_small` where too little would be left to try a model on.
    """
    held: dict[str, set[str]] = {}
    for choice in choices:
        # It is slices that are learnt from: a class is there where a slice has it.
        names = choice.classes_in_it(kind) | set(choice.slice_labels.values())
        held.setdefault(choice.group, set()).update(names & set(classes))
    parts = sum(1 for part in fractions.values() if part > 0)
    if kind == Kind.CLASSES and (name := unsplittable(held, classes, parts)):
        number = groups_of_classes(held)[name]
        detail = f"Class “{name}” has {number} patient(s): too few to be in each of {parts} splits."
        raise InvalidError("class_too_small", detail)
    if len(held) < parts:
        raise InvalidError("too_few_groups", f"{len(held)} patient(s) are too few for {parts} splits.")
    kept = kept_for_training(held, parts) if fractions.get(Split.TRAIN) else set[str]()
    if len(held) - len(kept) < parts:
        kept = set()
    spread = {group: names for group, names in held.items() if group not in kept}
    sizes = Counter(choice.group for choice in choices)
    strata, tried = _strata(spread, classes, kind), list[dict[str, str]]()
    for attempt in range(_ATTEMPTS):
        tried.append(split_groups(strata, fractions, seed=seed + attempt * _STRIDE, sizes=sizes))
        if _has_all(spread, tried[-1], parts):
            break
    best = tried[-1] if _has_all(spread, tried[-1], parts) else tried[0]
    return best | dict.fromkeys(kept, Split.TRAIN)


def _has_all(held: Mapping[str, set[str]], splits: Mapping[str, str], parts: int) -> bool:
    """Say whether each class that is in groups enough is in each split."""
    counts = groups_of_classes(held)
    there = {(name, splits[group]) for group, names in held.items() for name in names}
    return all(
        sum((name, split) in there for split in Split.values) == parts for name in counts if counts[name] >= parts
    )


def _check_fractions(fractions: Mapping[str, float]) -> None:
    if unknown := set(fractions) - set(Split.values):
        raise InvalidError("bad_fractions", f"“{min(unknown)}” is no split: they are {', '.join(Split.values)}.")
    if min(fractions.values()) < 0 or abs(sum(fractions.values()) - 1) > 1e-6:
        raise InvalidError("bad_fractions", "The parts of the splits are not negative, and add up to one.")


def _strata(held: Mapping[str, set[str]], classes: list[str], kind: str) -> dict[str, int]:
    """Return each group's stratum: the rarest of the classes that it holds."""
    often = groups_of_classes(held)
    rarest = {group: min(names, key=lambda name: (often[name], name), default="") for group, names in held.items()}
    if kind == Kind.CLASSES:
        return {group: classes.index(name) for group, name in rarest.items()}
    sizes = Counter(rarest.values())
    # Strata too small to be spread are one.
    return {g: classes.index(n) + 1 if n and sizes[n] >= len(Split) else 0 for g, n in rarest.items()}


def _for_training(choice: Choice, why: str) -> InvalidError:
    detail = f"Series {choice.series} was made up by a model: it may be trained on, and nothing else, but {why}."
    return InvalidError("synthetic_not_in_training", detail)


def _check_splits(choices: Sequence[Choice], generated: Collection[int]) -> None:
    side: dict[str, Choice] = {}
    for choice in choices:
        if choice.split not in Split.values:
            raise InvalidError("unknown_split", f"Series {choice.series} is in “{choice.split}”, which is no split.")
        if choice.series.pk in generated and choice.split != Split.TRAIN:
            raise _for_training(choice, f"it is in the {choice.split} split")
        other = side.setdefault(choice.group, choice)
        if other.split != choice.split:
            raise InvalidError(
                "group_on_two_sides",
                f"Series {other.series} ({other.split}) and {choice.series} ({choice.split}) are of one patient, "
                f"“{choice.group}”.",
            )


def _content_hash(kind: str, classes: Sequence[str], horizon_days: float | None, choices: Sequence[Choice]) -> str:
    """SHA-256 over kind, classes, each series' UID, objects, group, split and targets in order of UID, and the horizon."""
    rows: list[list[Any]] = [
        [
            *(c.series.series_instance_uid, c.series_sha256, c.group, c.split, c.label),
            *(sorted(c.slice_labels.items()), list(c.labels), c.mask_sha256, list(c.boxes)),
        ]
        for c in choices
    ]
    content: list[Any] = [kind, list(classes), sorted(rows, key=lambda row: row[0])]
    if horizon_days is not None:
        content.append(horizon_days)
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _locked_cohort(team: Team, name: str, title: str, description: str) -> Cohort:
    """Return the cohort, made if need be, with its row locked: versions are numbered one after the other."""
    Cohort.objects.get_or_create(team=team, name=name)
    cohort = Cohort.objects.select_for_update().get(team=team, name=name)
    cohort.title, cohort.description = title or cohort.title or name, description or cohort.description
    cohort.save(update_fields=["title", "description"])
    return cohort


def _insert(cohort: Cohort, choices: Sequence[Choice], actor: User | None, **values: Any) -> CohortVersion:
    last = cohort.versions.order_by("-number").first()
    values["classes"] = list(values["classes"])
    version = CohortVersion.objects.create(
        cohort=cohort, number=last.number + 1 if last else 1, created_by=actor, **values
    )
    members = [
        CohortMember(
            version=version,
            series=choice.series,
            series_instance_uid=choice.series.series_instance_uid,
            group=choice.group,
            split=choice.split or "",
            label=choice.label,
            labels=list(choice.labels),
            slice_labels=choice.slice_labels,
            series_sha256=choice.series_sha256,
            annotation_set=choice.annotation_set,
            target_sha256=choice.mask_sha256,
            boxes=[dict(box) for box in choice.boxes],
        )
        for choice in choices
    ]
    CohortMember.objects.bulk_create(members, batch_size=200)
    record(
        actor=actor,
        action="cohort.frozen",
        team=cohort.team.slug,
        object_type="cohort",
        object_id=f"{cohort.name}@{version.number}",
        detail={"content_hash": version.content_hash, "series": len(choices)},
    )
    return version
