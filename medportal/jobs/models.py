"""Durable work: a row is the job, the broker only a hint; a lease says who works; the topic `job:<id>` is its log."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from medportal.accounts.models import Team


class State(models.TextChoices):
    """Where a job stands; the last three are final."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


FINAL_STATES = (State.SUCCEEDED, State.FAILED, State.CANCELLED)


class Job(models.Model):
    """One piece of work that a person (or a rule) asked for. The id is made by whoever asks: a double click is one job."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=40)
    # What it is about, for people: "lung-cancer@2 on series 3".
    title = models.CharField(max_length=200, blank=True)
    # The topic on which its changes are told besides `job:<id>` and the team's: `study:<team>/<uid>`, or empty.
    subject = models.CharField(max_length=200, blank=True, db_index=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    task_name = models.CharField(max_length=120)
    queue = models.CharField(max_length=40)
    params = models.JSONField(default=dict)

    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    revision = models.PositiveIntegerField(default=1)
    progress = models.FloatField(default=0.0)
    stage = models.CharField(max_length=60, blank=True)
    result = models.JSONField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)
    cancel_requested = models.BooleanField(default=False)

    attempt = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=3)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    enqueued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["state", "queue", "created_at"], name="job_queue_order"),
            models.Index(fields=["team", "-created_at"], name="job_team_recent"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state=State.RUNNING) | models.Q(lease_token__isnull=True),
                name="only_running_jobs_are_leased",
            ),
            models.CheckConstraint(
                condition=models.Q(progress__gte=0) & models.Q(progress__lte=1), name="progress_is_a_fraction"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id} {self.state}"

    @property
    def topic(self) -> str:
        """The name of its own topic."""
        return f"job:{self.id}"


class Heartbeat(models.Model):
    """A worker says that it lives; `readyz` reads it."""

    name = models.CharField(max_length=120, primary_key=True)
    queue = models.CharField(max_length=40)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%T}"
