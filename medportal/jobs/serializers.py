"""The shape of a job, in answers and in events."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medportal.jobs.changes import job_payload
from medportal.jobs.models import Job, State


class JobSerializer(serializers.Serializer[Job]):
    """A job as everybody of the team sees it; the same in answers and in `job.changed`."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices)
    revision = serializers.IntegerField()
    progress = serializers.FloatField(help_text="0 to 1")
    stage = serializers.CharField(help_text="What is being done; empty when nothing is")
    queue = serializers.CharField()
    queue_place = serializers.IntegerField(help_text="Jobs served before this one; 0 when next or not waiting")
    attempt = serializers.IntegerField()
    subject = serializers.CharField(help_text="The topic of the thing that the job is about, or empty")
    params = serializers.DictField()
    result = serializers.DictField(allow_null=True)
    error_code = serializers.CharField()
    error_detail = serializers.CharField()
    cancel_requested = serializers.BooleanField()
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Job) -> dict[str, Any]:
        """Write what events carry: one source for both."""
        return job_payload(instance)

    class Meta:
        ref_name = "Job"


class JobFilterSerializer(serializers.Serializer[dict[str, str]]):
    """Which jobs to list; all where nothing is said."""

    kind = serializers.CharField(required=False, max_length=40)
    state = serializers.ChoiceField(required=False, choices=State.choices)


EVENTS = {"job.changed": JobSerializer}
