"""What was chosen to learn from: named, versioned, frozen selections of series with labels and patient-level splits."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from medportal.accounts.models import Team
from medportal.annotations.models import AnnotationSet
from medportal.archive.models import Series


class Split(models.TextChoices):
    """Which use a patient is kept for."""

    TRAIN = "train", "Train"
    VALIDATION = "validation", "Validation"
    TEST = "test", "Test"


class Kind(models.TextChoices):
    """What is to be learnt of each series."""

    CLASSES = "classes", "One class"
    MULTI_LABEL = "multi_label", "Several labels at once"
    MASKS = "masks", "Masks"
    BOXES = "boxes", "Boxes"
    IMAGES = "images", "Images alone"


class Cohort(models.Model):
    """A named selection; its content lives in versions."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="cohorts")
    name = models.SlugField(max_length=80)
    title = models.CharField(max_length=160, blank=True)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="cohort_name_once_per_team")]

    def __str__(self) -> str:
        return self.name


class CohortVersion(models.Model):
    """A frozen content, known by its hash; the same content again is the same version."""

    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    # SHA-256 over the kind, the classes, the horizon of outcomes, and each series' UID, objects, group, split and
    # targets, in order of UID.
    content_hash = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.CLASSES)
    # In order of their index in a model's output. Of classes the first is the negative one; of masks they are the
    # segments 1…n; images have none.
    classes = models.JSONField(default=list)
    # What a recipe's defaults are chosen from; see `fingerprints.py`.
    fingerprint = models.JSONField(default=dict)
    # What looking for leakage and imbalance has found; see `checking.py`. `check` is Django's own name.
    check_report = models.JSONField(default=dict)
    # False once a study of it has been deleted.
    is_trainable = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    # Set by access.py on the rows that it returns: split → class → series, and split → patients.
    counts: dict[str, dict[str, int]]
    patients: dict[str, int]

    class Meta:
        ordering = ["cohort", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["cohort", "number"], name="cohort_version_once"),
            models.UniqueConstraint(fields=["cohort", "content_hash"], name="cohort_content_once"),
        ]

    def __str__(self) -> str:
        return f"{self.cohort.name}@{self.number}"

    @property
    def horizon_days(self) -> float | None:
        """The horizon at which its labels are outcomes of patients; None where they are not."""
        days: float | None = self.fingerprint.get("horizon_days")
        return days

    def summary(self) -> dict[str, Any]:
        """Return what commands say of it as JSON; its `counts` must have been set."""
        splits = self.fingerprint["series_of_split"]
        return {
            "cohort": self.cohort.name,
            "version": self.number,
            "kind": self.kind,
            "classes": self.classes,
            "splits": {split: number for split, number in splits.items() if number},
            "counts": {split: counts for split, counts in self.counts.items() if splits[split]},
            "findings": self.check_report.get("findings", []),
        }


class CohortMember(models.Model):
    """One series of a version. `group` is the patient: no group is ever on both sides of a split."""

    version = models.ForeignKey(CohortVersion, on_delete=models.CASCADE, related_name="members")
    series = models.ForeignKey(Series, null=True, on_delete=models.SET_NULL, related_name="+")
    series_instance_uid = models.CharField(max_length=64)
    group = models.CharField(max_length=120)
    split = models.CharField(max_length=10, choices=Split.choices)
    # "" where the kind is not one class for each series.
    label = models.CharField(max_length=60, blank=True)
    # Of several labels at once: those that apply.
    labels = models.JSONField(default=list)
    # {SOP Instance UID: class}; slices that are not named take no part in training. Empty: each slice is of the label.
    slice_labels = models.JSONField(default=dict)
    # Of the series' objects when it was frozen (`access.digests_of`): "" in versions from before that was kept.
    series_sha256 = models.CharField(max_length=64, blank=True)
    # The mask, and the SHA-256 of its voxels when it was frozen.
    annotation_set = models.ForeignKey(AnnotationSet, null=True, on_delete=models.SET_NULL, related_name="+")
    target_sha256 = models.CharField(max_length=64, blank=True)
    # `imaging.marks.Box.to_json` of each box.
    boxes = models.JSONField(default=list)

    class Meta:
        ordering = ["series_instance_uid"]
        constraints = [
            models.UniqueConstraint(fields=["version", "series_instance_uid"], name="series_once_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.series_instance_uid} {self.split} {self.label}"


class PerceptualHash(models.Model):
    """What a series looks like, roughly (`imaging.perceptual`): near-duplicates have nearly the same hashes.

    It is of the series at one revision; of an older one it is computed anew.
    """

    series = models.OneToOneField(Series, on_delete=models.CASCADE, related_name="perceptual_hash")
    revision = models.PositiveIntegerField()
    # Of up to three slices, each 16 hexadecimal digits; none where the series cannot be read.
    hashes = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.series} {self.hashes}"
