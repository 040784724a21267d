"""What was run: a model version on a series."""

from __future__ import annotations

from django.db import models

from medportal.accounts.models import Team
from medportal.annotations.models import AnnotationSet
from medportal.archive.models import Series
from medportal.jobs.models import Job
from medportal.zoo.models import ModelVersion


class Analysis(models.Model):
    """A job's analysis: which version on which series, and the annotation set that it gave."""

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="analysis")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="analyses")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="analyses")
    annotation_set = models.OneToOneField(AnnotationSet, null=True, on_delete=models.SET_NULL, related_name="analysis")

    class Meta:
        verbose_name_plural = "analyses"

    def __str__(self) -> str:
        return f"{self.model_version} on {self.series_id}"
