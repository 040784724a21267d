"""Take an object into the archive, once, durably; and let upper rooms mark a study."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from medportal.accounts.models import Team, User
from medportal.archive import incoming, storage
from medportal.archive.arriving import (
    Rows,
    count_in_series,
    count_in_study,
    count_picture,
    is_other_patient,
    of_other_study,
    tell_of_many,
)
from medportal.archive.derived import THUMBNAILS, thumbnail_name
from medportal.archive.incoming import Incoming, read_incoming
from medportal.archive.models import Instance, Patient, Series, Study
from medportal.archive.rows import series_row, study_row, study_topic
from medportal.audit.services import record
from medportal.errors import ConflictError, MedportalError
from medportal.messaging.services import publish

Door = Literal["browser", "stow", "import", "demo", "model"]
# While a study grows, its team is told this often; the end of it is always told (`series.changed`).
TELL_TEAM_EVERY = timedelta(seconds=0.5)


@dataclass(frozen=True)
class StoreResult:
    """What became of an object."""

    status: Literal["stored", "duplicate"]
    instance: Instance
    series: Series
    study: Study
    created_study: bool = False


Answer = StoreResult | MedportalError


@dataclass(frozen=True)
class Origin:
    """Who brought an object, and by which way."""

    actor: User | None
    door: Door
    address: str = ""


def store_instance(
    *,
    team: Team,
    path: Path,
    actor: User | None,
    door: Door,
    address: str = "",
    expected_study_uid: str | None = None,
) -> StoreResult:
    """Store the object in the incoming file `path`, which is consumed whatever happens.

    The same bytes again are a `duplicate`, which is a success. When this returns, the bytes and the rows are durable.
    Raises InvalidError or TooLargeError as `incoming.read_incoming`, ConflictError `different_content` for other
    bytes under a known SOP Instance UID (the original stays) or `series_of_other_study`, UnavailableError when the
    store is full.
    """
    try:
        arrived = read_incoming(path, expected_study_uid=expected_study_uid)
        try:
            return _store(team, arrived, path, Origin(actor, door, address))
        except MedportalError as error:
            incoming.name_object(error, arrived.attributes)
            raise
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Arrival:
    """One of many objects that arrive together."""

    path: Path
    # A small picture of its series (JPEG), where who brings it has one at hand: none is made then.
    picture: bytes | None = None


def store_instances(
    *, team: Team, arrivals: Sequence[Arrival], actor: User | None, door: Door, address: str = ""
) -> list[Answer]:
    """Store many objects, in the way and under the rules of `store_instance`; returns what became of each, in order.

    Made for imports: the bytes are made durable together, and one transaction inserts the rows. What is wrong with one
    object is its answer, and the others are stored; UnavailableError is raised, for it would meet them all.
    """
    origin = Origin(actor, door, address)
    answers: dict[int, Answer] = {}
    try:
        fresh = _read_many(team, arrivals, origin, answers)
        keys = storage.keep_many([(one.path, one.sha256) for one in fresh], team_id=team.pk)
        for one, key in zip(fresh, keys, strict=True):
            one.values.update(storage_key=key)
        try:
            with transaction.atomic():
                answers |= _insert_together(team, fresh, origin)
        except (IntegrityError, ConflictError):
            # Somebody stored one of them a moment ago, or two of them are at odds: each by itself, then.
            answers |= {one.place: _insert_alone(team, one, origin) for one in fresh}
    finally:
        for arrival in arrivals:
            with suppress(OSError):
                arrival.path.unlink(missing_ok=True)
    return [answers[place] for place in range(len(arrivals))]


@dataclass(frozen=True)
class _Fresh:
    """One of many arrivals, of which nothing is known yet."""

    place: int
    path: Path
    picture: bytes | None
    arrived: Incoming
    # Columns of the instance's row.
    values: dict[str, Any]

    @property
    def sha256(self) -> str:
        return str(self.values["sha256"])


def _read_many(team: Team, arrivals: Sequence[Arrival], origin: Origin, answers: dict[int, Answer]) -> list[_Fresh]:
    """Return what is new among the arrivals; the others get their answers."""
    fresh: list[_Fresh] = []
    for place, (path, picture) in enumerate((one.path, one.picture) for one in arrivals):
        try:
            arrived = read_incoming(path)
            values = {"sha256": storage.sha256_of(path), "size_bytes": path.stat().st_size}
            fresh.append(_Fresh(place, path, picture, arrived, incoming.instance_values(arrived) | values))
        except MedportalError as error:
            answers[place] = error
    uids = [one.arrived.sop_instance_uid for one in fresh]
    rows = Instance.objects.select_related("series__study__patient", "team").defer("frame_ranges", "header")
    known = {one.sop_instance_uid: one for one in rows.filter(team=team, sop_instance_uid__in=uids)}
    for one in fresh:
        if instance := known.get(one.arrived.sop_instance_uid):
            answers[one.place] = _answer_again(instance, one.sha256, one.path, origin)
    return [one for one in fresh if one.place not in answers]


def _answer_again(known: Instance, sha256: str, path: Path, origin: Origin) -> Answer:
    try:
        return _again(known, sha256, path, origin)
    except ConflictError as error:
        return error


def _insert_alone(team: Team, one: _Fresh, origin: Origin) -> Answer:
    """Insert the rows of one of many; its bytes, which are durable, go again where it is refused."""
    try:
        return _insert(team, one.arrived, one.values, origin)
    except IntegrityError:
        known = _known(team, one.arrived.sop_instance_uid)
        if known is None:
            raise
        answer = _answer_again(known, one.sha256, one.path, origin)
    except MedportalError as error:
        answer = error
    if isinstance(answer, MedportalError):
        storage.remove(one.values["storage_key"])
    return answer


def _insert_together(team: Team, fresh: Sequence[_Fresh], origin: Origin) -> dict[int, Answer]:
    """Insert the rows of objects whose bytes are durable, and tell of them; all of them, or an error."""
    rows = Rows(team, [one.arrived for one in fresh])
    made = [rows.add(one.arrived, one.values) for one in fresh]
    pictures = {row.series.series_instance_uid: one.picture for one, row in zip(fresh, made, strict=True)}
    for series in rows.series.values():
        count_picture(series, pictures.get(series.series_instance_uid))
    rows.insert()
    for series in rows.series.values():
        if picture := pictures.get(series.series_instance_uid):
            storage.write_derived(THUMBNAILS, thumbnail_name(series.pk, series.revision), picture)
    for row in made:
        _record_stored(team, row.series.study, row, origin)
    tell_of_many(team, rows)
    return {
        one.place: StoreResult("stored", row, row.series, row.series.study, rows.is_new(row.series.study))
        for one, row in zip(fresh, made, strict=True)
    }


def _store(team: Team, arrived: Incoming, path: Path, origin: Origin) -> StoreResult:
    sha256, size = storage.sha256_of(path), path.stat().st_size
    if known := _known(team, arrived.sop_instance_uid):
        return _again(known, sha256, path, origin)
    _require_no_other_study(team, arrived)
    # The bytes are durable before there is a row that promises them.
    key = storage.keep(path, team_id=team.pk, sha256=sha256)
    values = incoming.instance_values(arrived) | {"storage_key": key, "sha256": sha256, "size_bytes": size}
    try:
        return _insert(team, arrived, values, origin)
    except IntegrityError:
        # Somebody stored the same UID a moment ago.
        if known := _known(team, arrived.sop_instance_uid):
            if known.sha256 != sha256:
                # Nobody else can be storing these bytes: their UID is taken.
                storage.remove(key)
            return _again(known, sha256, path, origin)
        raise


def _known(team: Team, sop_instance_uid: str) -> Instance | None:
    rows = Instance.objects.select_related("series__study__patient", "team").defer("frame_ranges", "header")
    return rows.filter(team=team, sop_instance_uid=sop_instance_uid).first()


def _again(known: Instance, sha256: str, path: Path, origin: Origin) -> StoreResult:
    if known.sha256 == sha256:
        if path.exists() and not storage.holds(known.storage_key, known.size_bytes):
            # The store has lost what it held: here it comes again.
            storage.keep(path, team_id=known.team_id, sha256=sha256)
        return StoreResult("duplicate", known, known.series, known.series.study)
    record(
        actor=origin.actor,
        action="instance.conflict",
        team=known.team.slug,
        object_type="instance",
        object_id=known.sop_instance_uid,
        outcome="denied",
        address=origin.address,
        detail={"door": origin.door, "sha256": sha256},
    )
    raise ConflictError(
        "different_content", "An object with this SOP Instance UID is here already, with other content; it was kept."
    )


@transaction.atomic
def _insert(team: Team, arrived: Incoming, values: dict[str, Any], origin: Origin) -> StoreResult:
    """Write the rows, the audit event and the announcements in one short transaction."""
    study, is_new_study = _study_of(team, arrived)
    series = _series_of(study, arrived)
    instance = Instance.objects.create(team=team, series=series, **values)
    # The study's row is locked: nobody else counts in it, or in its series, before this is committed.
    count_in_series(series, arrived, values)
    count_in_study(study, series, values["size_bytes"])
    is_due, tells_team = not series.thumbnail_is_due, _team_is_to_be_told(study, series)
    series.thumbnail_is_due = True
    series.save()
    study.save()
    _record_stored(team, study, instance, origin)
    told = {"study": study_row(study), "series": series_row(series)}
    topic = study_topic(study)
    publish(topic, "instance.stored", {**told, "sop_instance_uid": instance.sop_instance_uid}, team_id=team.pk)
    if is_due:
        publish(topic, "series.grew", told, team_id=team.pk)
    if tells_team:
        event = {**told, "sop_instance_uid": instance.sop_instance_uid}
        publish(f"team:{team.slug}", "instance.stored", event, team_id=team.pk)
    return StoreResult("stored", instance, series, study, is_new_study)


def _record_stored(team: Team, study: Study, instance: Instance, origin: Origin) -> None:
    record(
        actor=origin.actor,
        action="instance.stored",
        team=team.slug,
        object_type="instance",
        object_id=instance.sop_instance_uid,
        address=origin.address,
        detail={"door": origin.door, "study": study.study_instance_uid, "sha256": instance.sha256},
    )


def _study_of(team: Team, arrived: Incoming) -> tuple[Study, bool]:
    """Return the object's study, made if it is new, with its row locked."""
    locked = Study.objects.select_for_update(of=("self",)).select_related("patient", "team")
    study = locked.filter(team=team, study_instance_uid=arrived.study_instance_uid).first()
    if study is not None:
        if not study.has_conflict and is_other_patient(study.patient, arrived):
            study.has_conflict = True
        return study, False
    patient, has_conflict = _patient_of(team, arrived)
    values = incoming.study_values(arrived.attributes) | {"patient": patient, "has_conflict": has_conflict}
    made, is_new = Study.objects.get_or_create(
        team=team, study_instance_uid=arrived.study_instance_uid, defaults=values
    )
    return locked.get(pk=made.pk), is_new


def _patient_of(team: Team, arrived: Incoming) -> tuple[Patient, bool]:
    """Return the patient whom the object names, and whether others in the team go by the same PatientID."""
    values = incoming.patient_values(arrived.attributes)
    sex = arrived.attributes.text("PatientSex", 16)
    patient, is_new = Patient.objects.get_or_create(team=team, **values, defaults={"patient_sex": sex})
    if not patient.patient_id:
        return patient, False
    others = Study.objects.filter(
        team=team,
        patient__patient_id=patient.patient_id,
        patient__issuer_of_patient_id=patient.issuer_of_patient_id,
    ).exclude(patient=patient)
    if is_new:
        others.filter(has_conflict=False).update(has_conflict=True)
    return patient, others.exists()


def _require_no_other_study(team: Team, arrived: Incoming) -> None:
    """Refuse an object whose series is held under another study, before its bytes are kept."""
    rows = Series.objects.filter(team=team, series_instance_uid=arrived.series_instance_uid)
    if rows.exclude(study__study_instance_uid=arrived.study_instance_uid).exists():
        raise of_other_study()


def _series_of(study: Study, arrived: Incoming) -> Series:
    series, _ = Series.objects.get_or_create(
        team=study.team,
        series_instance_uid=arrived.series_instance_uid,
        defaults={"study": study, **incoming.series_values(arrived.attributes)},
    )
    # Somebody may have brought the series with another study since it was looked for.
    if series.study_id != study.pk:
        raise of_other_study()
    return series


def _team_is_to_be_told(study: Study, series: Series) -> bool:
    """Say whether the worklist's row is sent to the whole team: not for each of three hundred slices."""
    now = timezone.now()
    if series.revision > 1 and study.told_at is not None and timedelta(0) <= now - study.told_at < TELL_TEAM_EVERY:
        return False
    study.told_at = now
    return True


def mark_study(study: Study, *, ai_status: str | None = None, ai_summary: dict[str, Any] | None = None) -> None:
    """Fill the worklist's cells of upper rooms, and tell of it. Must run in the caller's transaction."""
    values: dict[str, Any] = {"revision": F("revision") + 1}
    if ai_status is not None:
        values["ai_status"] = ai_status
    if ai_summary is not None:
        values["ai_summary"] = ai_summary
    Study.objects.filter(pk=study.pk).update(**values)
    study.refresh_from_db()
    event = {"study": study_row(study)}
    for topic in (study_topic(study), f"team:{study.team.slug}"):
        publish(topic, "study.changed", event, team_id=study.team_id)


@transaction.atomic
def finish_thumbnail(series: Series, revision: int, *, has_picture: bool) -> None:
    """Note which revision a series' picture shows, and tell of the series and its study as they now are.

    An older picture that is ready later changes nothing.
    """
    study = Study.objects.select_for_update(of=("self",)).select_related("patient", "team").get(pk=series.study_id)
    if has_picture:
        Series.objects.filter(pk=series.pk, thumbnail_revision__lt=revision).update(thumbnail_revision=revision)
        shown = study.series.filter(thumbnail_revision__gt=0).order_by("series_number", "id").first()
        if shown is not None:
            study.thumbnail_series_uid = shown.series_instance_uid
            study.thumbnail_revision = shown.thumbnail_revision
        study.revision += 1
        study.save()
    series.refresh_from_db()
    event = {"study": study_row(study), "series": series_row(series)}
    for topic in (study_topic(study), f"team:{study.team.slug}"):
        publish(topic, "series.changed", event, team_id=study.team_id)
