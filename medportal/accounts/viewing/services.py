"""What is done to hanging protocols and viewer settings. A change of an older state is refused, never written over."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from medportal.accounts.access import get_membership
from medportal.accounts.models import HangingProtocol, Role, User
from medportal.audit.services import record
from medportal.errors import ConflictError, InvalidError, NotFoundError

MOST_PROTOCOLS = 100


def visible_protocols(user: User, slug: str) -> QuerySet[HangingProtocol]:
    """Return the team's protocols and the member's own ones in it, by rank."""
    team = get_membership(user, slug).team
    return HangingProtocol.objects.filter(team=team).filter(Q(owner=None) | Q(owner=user))


def row_of(protocol: HangingProtocol) -> dict[str, Any]:
    """Return a protocol as answers carry it."""
    return {
        "id": str(protocol.pk),
        "name": protocol.name,
        "is_shared": protocol.owner_id is None,
        "layout": protocol.layout,
        "rules": protocol.rules,
        "rank": protocol.rank,
        "revision": protocol.revision,
        "updated_at": protocol.updated_at.isoformat(),
    }


@transaction.atomic
def make_protocol(user: User, slug: str, *, is_shared: bool, **words: Any) -> HangingProtocol:
    """Keep a protocol, one's own or (as a manager) the team's; InvalidError `too_many_protocols`."""
    team = get_membership(user, slug, Role.MANAGER if is_shared else Role.VIEWER).team
    owner = None if is_shared else user
    if HangingProtocol.objects.filter(team=team, owner=owner).count() >= MOST_PROTOCOLS:
        raise InvalidError("too_many_protocols", f"At most {MOST_PROTOCOLS} layouts are kept: delete one first.")
    protocol = HangingProtocol.objects.create(team=team, owner=owner, **words)
    _record(user, protocol, "hanging_protocol.created")
    return protocol


def _to_change(user: User, slug: str, key: UUID) -> HangingProtocol:
    """Return a protocol that the user may change: one's own, or as a manager the team's."""
    visible_protocols(user, slug)
    rows = HangingProtocol.objects.select_for_update().filter(team__slug=slug, pk=key)
    protocol = rows.filter(Q(owner=None) | Q(owner=user)).first()
    if protocol is None:
        raise NotFoundError("protocol_not_found", "There is no such layout.")
    if protocol.owner_id is None:
        get_membership(user, slug, Role.MANAGER)
    return protocol


@transaction.atomic
def change_protocol(user: User, slug: str, key: UUID, *, based_on: int, **words: Any) -> HangingProtocol:
    """Change a protocol; ConflictError `conflict` with `current` where somebody was faster."""
    protocol = _to_change(user, slug, key)
    if protocol.revision != based_on:
        raise ConflictError("conflict", "Somebody has changed the layout meanwhile.", current=row_of(protocol))
    for name, value in words.items():
        setattr(protocol, name, value)
    protocol.revision += 1
    protocol.save()
    _record(user, protocol, "hanging_protocol.changed")
    return protocol


@transaction.atomic
def delete_protocol(user: User, slug: str, key: UUID) -> None:
    """Delete a protocol."""
    protocol = _to_change(user, slug, key)
    _record(user, protocol, "hanging_protocol.deleted")
    protocol.delete()


def _record(user: User, protocol: HangingProtocol, action: str) -> None:
    record(
        actor=user,
        action=action,
        team=protocol.team.slug,
        object_type="hanging_protocol",
        object_id=str(protocol.pk),
        detail={"name": protocol.name, "is_shared": protocol.owner_id is None},
    )


def keep_settings(user: User, settings: dict[str, Any]) -> dict[str, Any]:
    """Keep an account's settings of the viewer, in the place of those from before."""
    User.objects.filter(pk=user.pk).update(viewer_settings=settings)
    return settings
