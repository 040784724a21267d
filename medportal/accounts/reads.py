"""A view's one word to the audit trail: who reads which study's data, from where, before the first byte leaves."""

from __future__ import annotations

from rest_framework.request import Request

from medportal.accounts.authentication import user_of
from medportal.audit.services import record_read


def note_read(request: Request, team: str, study_uid: str, *, action: str, purpose: str) -> None:
    """Put the read on record; must not be called inside a transaction that may still be rolled back."""
    record_read(
        actor=user_of(request),
        action=action,
        team=team,
        study_instance_uid=study_uid,
        purpose=purpose,
        address=request.META.get("REMOTE_ADDR") or "",
    )
