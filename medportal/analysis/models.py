"""What was run: a model version on a series, or to make one; and where series lie among others."""

from __future__ import annotations

from django.db import models

from medportal.accounts.models import Team
from medportal.annotations.models import AnnotationSet
from medportal.archive.models import Series
from medportal.jobs.models import Job
from medportal.zoo.models import ModelVersion


class Analysis(models.Model):
    """A job's analysis: which version on which series, and the annotation set that it gave.

    Of a model that generates, the series is the one that it has made: none before the end.
    """

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="analysis")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    series = models.ForeignKey(Series, null=True, on_delete=models.CASCADE, related_name="analyses")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="analyses")
    # Empty: the network as it was trained; else that of its variants.
    precision = models.CharField(max_length=4, blank=True, choices=[("fp16", "fp16"), ("int8", "int8")])
    # Of a model that generates: {"count", "seed", "class"}.
    parameters = models.JSONField(default=dict)
    annotation_set = models.OneToOneField(AnnotationSet, null=True, on_delete=models.SET_NULL, related_name="analysis")

    class Meta:
        verbose_name_plural = "analyses"

    def __str__(self) -> str:
        return f"{self.model_version} on {self.series_id}"


class Embedding(models.Model):
    """Where a series lies among others, as a model version sees it. Never changed: another one is another row."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="embeddings")
    # Values, not a foreign key: what can be compared is what one version made.
    model = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    # Of the network.
    sha256 = models.CharField(max_length=64)
    # Revision of the series when it was read.
    revision = models.PositiveIntegerField()
    # float32, little endian, of length 1; empty where the series cannot be read, so that it is not tried for ever.
    vector = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["series", "model", "version"], name="embedding_once_per_series_and_version")
        ]
        indexes = [models.Index(fields=["team", "model", "version"], name="embedding_by_version")]

    def __str__(self) -> str:
        return f"{self.series_id} by {self.model}@{self.version}"


class SimilarCases(models.Model):
    """How a team looks for similar cases; without a row: by the model that is chosen by itself, only when asked."""

    team = models.OneToOneField(Team, primary_key=True, on_delete=models.CASCADE, related_name="+")
    # Series that have come in since are embedded by themselves; null: none is.
    on_arrival_since = models.DateTimeField(null=True)
    # The model whose embeddings are compared; empty: the newest in production that has any.
    wanted_model = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name_plural = "similar cases"

    def __str__(self) -> str:
        return f"similar cases of {self.team_id}"
