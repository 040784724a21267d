"""What is trusted: models, their numbered versions, and the stage to which people have promoted each."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from medportal.accounts.models import Team


class Stage(models.TextChoices):
    """How far a version is trusted."""

    CANDIDATE = "candidate", "Candidate"
    PRODUCTION = "production", "Production"
    ARCHIVED = "archived", "Archived"


class Origin(models.TextChoices):
    """How a version came here."""

    SHIPPED = "shipped", "Shipped with medportal"
    TRAINED = "trained", "Trained here"


class Model(models.Model):
    """A model by name; what can be run are its versions."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="models")
    name = models.SlugField(max_length=80)
    title = models.CharField(max_length=160, blank=True)
    task = models.CharField(max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="model_name_once_per_team")]

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """A package on disk under `<zoo>/<team>/<model>/<number>/`; never overwritten."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    stage = models.CharField(max_length=12, choices=Stage.choices, default=Stage.CANDIDATE)
    origin = models.CharField(max_length=10, choices=Origin.choices)
    # SHA-256 of model.onnx, checked each time it is loaded.
    sha256 = models.CharField(max_length=64)
    manifest = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    # The job that trained it, as a value: training is a room above.
    job_id = models.UUIDField(null=True, unique=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # Set by the view that shows it: the text of README.md.
    card = ""
    # When it was last promoted: a rollback goes to the version that was promoted before the present one.
    promoted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["model", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="model_version_once"),
            models.UniqueConstraint(
                fields=["model"], condition=models.Q(stage="production"), name="one_production_version_per_model"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model.name}@{self.number}"
