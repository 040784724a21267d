"""STOW-RS (PS3.18 10.5): store what comes in parts, and say of each object what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, BinaryIO

from medportal.accounts.models import Team, User
from medportal.archive.multipart import Part, read_parts
from medportal.archive.services import StoreResult, store_instance
from medportal.errors import ConflictError, InvalidError, MedportalError, NotFoundError, TooLargeError, UnavailableError
from medportal.imaging.headers import read_header

# PS3.18 table 10.5.3-2 and PS3.4 table B.2-1.
REASON_OUT_OF_RESOURCES = 0xA700
REASON_MISMATCH = 0xA900
REASON_CANNOT_UNDERSTAND = 0xC000
REASON_DUPLICATE_OTHER_CONTENT = 0x0111


@dataclass
class Outcome:
    """What became of a request's objects."""

    stored: list[StoreResult] = field(default_factory=list)
    failed: list[tuple[MedportalError, str, str]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """200 when all are stored, 202 when some are, else what PS3.18 10.5.3 asks for."""
        if not self.failed:
            return 200
        if self.stored:
            return 202
        kinds = {type(error) for error, _, _ in self.failed}
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
    """Store each part; a bad one does not keep the good ones out."""
    outcome = Outcome()
    for part in read_parts(stream, boundary, limit_bytes):
        try:
            outcome.stored.append(_store(part, team=team, actor=actor, study_uid=study_uid, address=address))
        except MedportalError as error:
            outcome.failed.append((error, *_names(part)))
            part.path.unlink(missing_ok=True)
    return outcome


def _store(part: Part, *, team: Team, actor: User, study_uid: str | None, address: str) -> StoreResult:
    if part.error:
        raise part.error
    if part.content_type and not part.content_type.lower().startswith("application/dicom"):
        raise InvalidError("unsupported_media_type", "A part is not application/dicom.")
    if study_uid is not None and read_header(part.path).uid("StudyInstanceUID") != study_uid:
        raise InvalidError("other_study", "The object belongs to another study than the address names.")
    return store_instance(team=team, path=part.path, actor=actor, door="stow", address=address)


def _names(part: Part) -> tuple[str, str]:
    """Return (SOP Class UID, SOP Instance UID) of a refused object, as far as it can be read."""
    try:
        header = read_header(part.path)
    except (MedportalError, OSError):
        return "", ""
    return header.text("SOPClassUID"), header.text("SOPInstanceUID")


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
    """Return the Store Instances Response (PS3.18 I.2) as DICOM JSON; reasons in words are in (0008,0119)'s comment."""
    body: dict[str, Any] = {}
    if outcome.stored:
        study = outcome.stored[0].study.study_instance_uid
        body["00081190"] = {"vr": "UR", "Value": [f"{root}/studies/{study}"]}
        body["00081199"] = {"vr": "SQ", "Value": [_stored_item(one, root) for one in outcome.stored]}
    if outcome.failed:
        body["00081198"] = {"vr": "SQ", "Value": [_failed_item(*one) for one in outcome.failed]}
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


def _failed_item(error: MedportalError, sop_class: str, sop_instance: str) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": [sop_class]} if sop_class else {"vr": "UI"},
        "00081155": {"vr": "UI", "Value": [sop_instance]} if sop_instance else {"vr": "UI"},
        "00081197": {"vr": "US", "Value": [_reason(error)]},
        # Error Comment, so that a person learns why.
        "00000902": {"vr": "LO", "Value": [f"{error.code}: {error.detail}"]},
    }
