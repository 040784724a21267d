"""What has been told: numbered events per topic, and the work that still has to answer to some of them."""

from __future__ import annotations

from django.db import models


class Topic(models.Model):
    """A stream of events, such as `study:demo/1.2.3`, `job:<id>`, `team:demo` or `user:7`."""

    name = models.CharField(max_length=200, primary_key=True)
    last_seq = models.BigIntegerField(default=0)
    # The lowest number that is still kept: who asks to resume before it is told to fetch afresh.
    first_seq = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """One thing that happened; `payload` holds binary pieces (masks, maps) beside the JSON `data`."""

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="events")
    seq = models.BigIntegerField()
    type = models.CharField(max_length=60)
    # A value, not a foreign key: accounts is a room above.
    team_id = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict)
    payload = models.BinaryField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "seq"], name="event_seq_once_per_topic")]
        ordering = ["topic", "seq"]

    def __str__(self) -> str:
        return f"{self.topic_id}#{self.seq} {self.type}"


class PendingReaction(models.Model):
    """Work that a room wants done after an event; the row goes when the work is done, so it is done at least once."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="+")
    task_name = models.CharField(max_length=120)
    queue = models.CharField(max_length=40)
    attempts = models.PositiveIntegerField(default=0)
    enqueued_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "task_name"], name="reaction_once_per_event")]

    def __str__(self) -> str:
        return f"{self.task_name} for {self.event_id}"
