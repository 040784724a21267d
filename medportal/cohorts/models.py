"""What was chosen to learn from: named, versioned, frozen selections of series with labels and patient-level splits."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from medportal.accounts.models import Team
from medportal.archive.models import Series


class Split(models.TextChoices):
    """Which use a patient is kept for."""

    TRAIN = "train", "Train"
    VALIDATION = "validation", "Validation"
    TEST = "test", "Test"


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
    # SHA-256 over (series UID, group, split, label, slice labels) in order of UID.
    content_hash = models.CharField(max_length=64)
    # The classes in order of their index in a model's output; the first is the negative one.
    classes = models.JSONField(default=list)
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


class CohortMember(models.Model):
    """One series of a version. `group` is the patient: no group is ever on both sides of a split."""

    version = models.ForeignKey(CohortVersion, on_delete=models.CASCADE, related_name="members")
    series = models.ForeignKey(Series, null=True, on_delete=models.SET_NULL, related_name="+")
    series_instance_uid = models.CharField(max_length=64)
    group = models.CharField(max_length=120)
    split = models.CharField(max_length=10, choices=Split.choices)
    label = models.CharField(max_length=60)
    # {SOP Instance UID: class}; slices that are not named take no part in training. Empty: each slice is of the label.
    slice_labels = models.JSONField(default=dict)

    class Meta:
        ordering = ["series_instance_uid"]
        constraints = [
            models.UniqueConstraint(fields=["version", "series_instance_uid"], name="series_once_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.series_instance_uid} {self.split} {self.label}"
