"""What people and models have marked: labels now; measurements and segmentations are to grow here."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from medportal.accounts.models import Team
from medportal.archive.models import Instance, Series, Study


class Source(models.TextChoices):
    """Where a mark comes from."""

    PERSON = "person", "Person"
    IMPORT = "import", "Import"
    PHANTOM = "phantom", "Phantom (truth by construction)"
    MODEL = "model", "Model"


class Label(models.Model):
    """A class given to a study, a series or one instance (slice): `scheme` names the question, `value` the answer."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="labels")
    series = models.ForeignKey(Series, null=True, on_delete=models.CASCADE, related_name="labels")
    instance = models.ForeignKey(Instance, null=True, on_delete=models.CASCADE, related_name="labels")
    scheme = models.CharField(max_length=60)
    value = models.CharField(max_length=60)
    source = models.CharField(max_length=10, choices=Source.choices)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # For phantoms: the nodules of the slice or series, each with centre (LPS, mm), diameter (mm) and kind.
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["team", "scheme", "value"], name="label_by_value")]

    def __str__(self) -> str:
        return f"{self.scheme}={self.value}"


class AnnotationSet(models.Model):
    """All that one reading of a series gave. Provenance is values, so that a model deleted later is still named."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="annotation_sets")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="annotation_sets")
    task = models.CharField(max_length=40)
    source = models.CharField(max_length=10, choices=Source.choices)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    model = models.CharField(max_length=80, blank=True)
    version = models.PositiveIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    provider = models.CharField(max_length=60, blank=True)
    parameters = models.JSONField(default=dict)
    # One result per job, however often its task is delivered.
    job_id = models.UUIDField(null=True, unique=True)
    # The series' verdict: {"value", "probability", "threshold", "positive"}.
    verdict = models.JSONField(default=dict)
    # Per slice: [{"sop_instance_uid", "frame", "probability"}], in stack order.
    slices = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.task} by {self.model or self.author}"
