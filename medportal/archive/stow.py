"""STOW-RS (PS3.18 10.5): store what comes in parts, and say of each object what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, BinaryIO

from medportal.accounts.models import Team, User
from medportal.archive.multipart import Part, read_parts
from medportal.archive.services import StoreResult, store_instance
from medportal.errors import ConflictError, InvalidError, MedportalError, NotFoundError, TooLargeError, UnavailableError

# PS3.18 table 10.5.3-2 and PS3.4 table B.2-1.
REASON_OUT_OF_RESOURCES = 0xA700
REASON_MISMATCH = 0xA900
REASON_CANNOT_UNDERSTAND = 0xC000
REASON_DUPLICATE_OTHER_CONTENT = 0x0111


@dataclass
class Outcome:
    """What became of a request's objects."""

    stored: list[StoreResult] = field(default_factory=list)
    failed: list[MedportalError] = field(default_factory=list)

    @property
    def status(self) -> int:
        """200 when all are stored, 202 when some are, else what PS3.18 10.5.3 asks for."""
        if not self.failed:
            return 200
        if self.stored:
            return 202
        kinds = {type(error) for error in self.failed}
        if kinds == {UnavailableError}:
            return 503
        return 409


def store_parts(
    stream: BinaryIO,
    boundary: bytes,
    *,
    team: Team,
    actor: User,
    study_uid: str | None,
    limit_bytes: int,
    address: str,
) -> Outcome:
    """Store each part; a bad one does not keep the good ones out, and what was stored is told in every case."""
    outcome = Outcome()
    try:
        for part in read_parts(stream, boundary, limit_bytes):
            try:
                outcome.stored.append(_store(part, team=team, actor=actor, study_uid=study_uid, address=address))
            except MedportalError as error:
                outcome.failed.append(error)
    except InvalidError as error:
        if not outcome.stored and not outcome.failed:
            raise
        outcome.failed.append(error)
    if not outcome.stored and not outcome.failed:
        raise InvalidError("multipart", "The request holds no objects.")
    return outcome


def _store(part: Part, *, team: Team, actor: User, study_uid: str | None, address: str) -> StoreResult:
    if part.path is None:
        raise part.error or InvalidError("multipart", "A part of the request is empty.")
    if part.content_type and not part.content_type.lower().startswith("application/dicom"):
        part.path.unlink()
        raise InvalidError("unsupported_media_type", "A part is not application/dicom.")
    return store_instance(
        team=team, path=part.path, actor=actor, door="stow", address=address, expected_study_uid=study_uid
    )


def _reason(error: MedportalError) -> int:
    match error:
        case ConflictError():
            return REASON_DUPLICATE_OTHER_CONTENT
        case TooLargeError() | UnavailableError():
            return REASON_OUT_OF_RESOURCES
        case InvalidError(code="other_study") | NotFoundError():
            return REASON_MISMATCH
    return REASON_CANNOT_UNDERSTAND


def response_json(outcome: Outcome, root: str) -> dict[str, Any]:
    """Return the Store Instances Response (PS3.18 I.2) as DICOM JSON; why an object failed is in words, too."""
    body: dict[str, Any] = {}
    if outcome.stored:
        study = outcome.stored[0].study.study_instance_uid
        body["00081190"] = {"vr": "UR", "Value": [f"{root}/studies/{study}"]}
        body["00081199"] = {"vr": "SQ", "Value": [_stored_item(one, root) for one in outcome.stored]}
    if outcome.failed:
        body["00081198"] = {"vr": "SQ", "Value": [_failed_item(error) for error in outcome.failed]}
    return body


def _stored_item(one: StoreResult, root: str) -> dict[str, Any]:
    instance, series, study = one.instance, one.series, one.study
    url = (
        f"{root}/studies/{study.study_instance_uid}/series/{series.series_instance_uid}"
        f"/instances/{instance.sop_instance_uid}"
    )
    return {
        "00081150": {"vr": "UI", "Value": [instance.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [instance.sop_instance_uid]},
        "00081190": {"vr": "UR", "Value": [url]},
    }


def _failed_item(error: MedportalError) -> dict[str, Any]:
    names = {"00081150": error.extra.get("sop_class_uid"), "00081155": error.extra.get("sop_instance_uid")}
    return {
        **{tag: {"vr": "UI", "Value": [uid]} if uid else {"vr": "UI"} for tag, uid in names.items()},
        "00081197": {"vr": "US", "Value": [_reason(error)]},
        # Error Comment (PS3.7 C), so that a person learns why.
        "00000902": {"vr": "LO", "Value": [f"{error.code}: {error.detail}"]},
    }
