"""What happened, append-only: actors and objects are values, so that nothing deleted elsewhere blurs the record."""

from __future__ import annotations

from django.db import models


class AuditEvent(models.Model):
    """One access or change. Written unchained; the sealer numbers it and chains its hash within about a second."""

    at = models.DateTimeField(db_index=True)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=150, blank=True)
    team = models.CharField(max_length=60, blank=True, db_index=True)
    action = models.CharField(max_length=60, db_index=True)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=200, blank=True)
    outcome = models.CharField(max_length=10, default="success")
    purpose = models.CharField(max_length=60, blank=True)
    address = models.CharField(max_length=45, blank=True)
    detail = models.JSONField(default=dict)
    # Set by the sealer: position in the chain, and SHA-256 over the previous hash and this row's content.
    seq = models.BigIntegerField(null=True, unique=True)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.actor} {self.action} {self.object_id}"


class Chain(models.Model):
    """The end of the sealed chain; a single row, locked by whoever seals."""

    last_seq = models.BigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, default="0" * 64)

    def __str__(self) -> str:
        return f"chain at {self.last_seq}"
