"""What was learnt, and how good it is: training runs of a recipe on a frozen cohort version, and evaluations."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from medportal.accounts.models import Team
from medportal.cohorts.models import CohortVersion, Split
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


class Evaluation(models.Model):
    """How good a model's version is on a split of a cohort: the document of `learning.evaluation`.

    The model is named by values: what was found stays true of the network with this digest, whatever the zoo does.
    """

    # That of the job which made it, and which it outlives.
    id = models.UUIDField(primary_key=True)
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="evaluation")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="evaluations")
    model_name = models.SlugField(max_length=80)
    model_version = models.PositiveIntegerField()
    model_sha256 = models.CharField(max_length=64)
    cohort_version = models.ForeignKey(CohortVersion, on_delete=models.PROTECT, related_name="evaluations")
    split = models.CharField(max_length=10, choices=Split.choices)
    # Empty until the job has succeeded.
    document = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["team", "model_name", "model_version"], name="evaluation_of_model")]

    def __str__(self) -> str:
        return f"{self.model_name}@{self.model_version} on {self.cohort_version} {self.split}"
