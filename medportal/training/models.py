"""What was learnt: a training run of a recipe on a frozen cohort version."""

from __future__ import annotations

from django.db import models

from medportal.accounts.models import Team
from medportal.cohorts.models import CohortVersion
from medportal.jobs.models import Job


class TrainingRun(models.Model):
    """A job's training: what it was told, each epoch's figures, and the model version that came of it."""

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="training_run")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    cohort_version = models.ForeignKey(CohortVersion, on_delete=models.PROTECT, related_name="training_runs")
    recipe = models.CharField(max_length=40)
    # The recipe's configuration, complete, as it was run.
    config = models.JSONField(default=dict)
    model_name = models.SlugField(max_length=80)
    version = models.PositiveIntegerField(null=True)
    # [{"epoch", "train_loss", "validation_loss", "accuracy", "recall", …}], one for each finished epoch.
    history = models.JSONField(default=list)
    # Figures of the test split: see learning.metrics.
    metrics = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.recipe} on {self.cohort_version} ({self.job_id})"
