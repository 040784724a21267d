"""Take an object into the archive, once, durably; and let upper rooms mark a study."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from django.db import IntegrityError, transaction
from django.db.models import F

from medportal.accounts.models import Team, User
from medportal.archive import storage
from medportal.archive.models import Instance, Patient, Series, Study
from medportal.archive.rows import series_row, study_row
from medportal.audit.services import record
from medportal.errors import ConflictError, InvalidError
from medportal.imaging.geometry import slice_position_mm
from medportal.imaging.headers import Header, read_header
from medportal.imaging.uids import DICOMDIR
from medportal.messaging.services import publish

Door = Literal["browser", "stow", "import", "demo"]


@dataclass(frozen=True)
class StoreResult:
    """What became of an object."""

    status: Literal["stored", "duplicate"]
    instance: Instance
    series: Series
    study: Study


def store_instance(*, team: Team, path: Path, actor: User | None, door: Door, address: str = "") -> StoreResult:
    """Store the object in the incoming file `path`, which is consumed whatever happens.

    The same bytes again are a `duplicate`, which is a success. When this returns, the bytes and the rows are durable.
    Raises InvalidError or TooLargeError as `imaging.headers.read_header`, ConflictError `different_content` for other
    bytes under a known SOP Instance UID (the original stays), UnavailableError when the store is full.
    """
    try:
        header = read_header(path)
        sop_instance_uid = header.uid("SOPInstanceUID")
        if header.uid("SOPClassUID") == DICOMDIR:
            raise InvalidError("dicomdir", "A DICOMDIR describes a medium and is not stored.")
        sha256, size = storage.sha256_of(path), path.stat().st_size
        if known := _known(team, sop_instance_uid):
            return _again(known, sha256, actor=actor, door=door, address=address)
        key = storage.keep(path, team_id=team.pk, sha256=sha256)
        values = _instance_values(header) | {"storage_key": key, "sha256": sha256, "size_bytes": size}
        try:
            return _insert(team, header, values, actor=actor, door=door, address=address)
        except IntegrityError:
            # Somebody stored the same UID a moment ago.
            if known := _known(team, sop_instance_uid):
                return _again(known, sha256, actor=actor, door=door, address=address)
            raise
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _known(team: Team, sop_instance_uid: str) -> Instance | None:
    rows = Instance.objects.select_related("series__study__patient")
    return rows.filter(team=team, sop_instance_uid=sop_instance_uid).first()


def _again(known: Instance, sha256: str, *, actor: User | None, door: Door, address: str) -> StoreResult:
    if known.sha256 == sha256:
        return StoreResult("duplicate", known, known.series, known.series.study)
    record(
        actor=actor,
        action="instance.conflict",
        team=known.team.slug,
        object_type="instance",
        object_id=known.sop_instance_uid,
        outcome="denied",
        address=address,
        detail={"door": door, "sha256": sha256},
    )
    raise ConflictError(
        "different_content", "An object with this SOP Instance UID is here already, with other content; it was kept."
    )


@transaction.atomic
def _insert(
    team: Team, header: Header, values: dict[str, Any], *, actor: User | None, door: Door, address: str
) -> StoreResult:
    """Write the rows, the audit event and the announcement in one short transaction."""
    study, is_new_study = _study_of(team, header)
    series = _series_of(study, header)
    instance = Instance.objects.create(team=team, series=series, **values)
    # The study's row is locked: no other object of it is being counted.
    series.number_of_instances += 1
    series.number_of_frames += values["number_of_frames"]
    series.transfer_syntax_uids = sorted({*series.transfer_syntax_uids, instance.transfer_syntax_uid})
    series.revision += 1
    series.save()
    _count_in(study, series, values["size_bytes"])
    if is_new_study or series.revision == 1:
        record(
            actor=actor,
            action="study.stored" if is_new_study else "series.stored",
            team=team.slug,
            object_type="study",
            object_id=study.study_instance_uid,
            address=address,
            detail={"door": door, "series": series.series_instance_uid},
        )
    record(
        actor=actor,
        action="instance.stored",
        team=team.slug,
        object_type="instance",
        object_id=instance.sop_instance_uid,
        address=address,
        detail={"door": door, "sha256": instance.sha256},
    )
    told = {"study": study_row(study), "series": series_row(series), "sop_instance_uid": instance.sop_instance_uid}
    publish(f"study:{team.slug}/{study.study_instance_uid}", "instance.stored", told, team_id=team.pk)
    _have_a_thumbnail_made(series, told)
    publish(f"team:{team.slug}", "study.changed", {"study": told["study"]}, team_id=team.pk)
    return StoreResult("stored", instance, series, study)


def _have_a_thumbnail_made(series: Series, told: dict[str, Any]) -> None:
    """Tell of a series that grew so much that its thumbnail should be made (again).

    At its first instance, and whenever it has doubled since: a series of 300 slices has nine pictures made, not 300.
    """
    if series.revision & (series.revision - 1) == 0:
        topic = f"study:{series.team.slug}/{series.study.study_instance_uid}"
        publish(topic, "series.grew", told, team_id=series.team_id)


def _study_of(team: Team, header: Header) -> tuple[Study, bool]:
    """Return the object's study, made if it is new, with its row locked."""
    study_uid = header.uid("StudyInstanceUID")
    study = Study.objects.select_for_update(of=("self",)).filter(team=team, study_instance_uid=study_uid).first()
    if study is not None:
        return study, False
    patient, _ = Patient.objects.get_or_create(
        team=team,
        patient_id=header.text("PatientID"),
        issuer_of_patient_id=header.text("IssuerOfPatientID"),
        defaults={
            "patient_name": header.text("PatientName", 330),
            "patient_birth_date": header.text("PatientBirthDate", 8),
            "patient_sex": header.text("PatientSex", 16),
        },
    )
    fields = {
        "study_id": header.text("StudyID"),
        "study_date": header.text("StudyDate", 8),
        "study_time": header.text("StudyTime", 16),
        "study_description": header.text("StudyDescription"),
        "accession_number": header.text("AccessionNumber"),
        "referring_physician_name": header.text("ReferringPhysicianName", 330),
    }
    words = [patient.patient_name, patient.patient_id, fields["study_description"], fields["accession_number"]]
    search_text = " ".join(words).replace("^", " ").casefold()
    study, is_new = Study.objects.get_or_create(
        team=team, study_instance_uid=study_uid, defaults={"patient": patient, "search_text": search_text, **fields}
    )
    return Study.objects.select_for_update(of=("self",)).get(pk=study.pk), is_new


def _series_of(study: Study, header: Header) -> Series:
    series_uid, number = header.uid("SeriesInstanceUID"), header.number("SeriesNumber")
    series, _ = Series.objects.get_or_create(
        team=study.team,
        series_instance_uid=series_uid,
        defaults={
            "study": study,
            "series_number": int(number) if number is not None and abs(number) < 2**31 else None,
            "series_description": header.text("SeriesDescription"),
            "modality": header.text("Modality", 16),
            "body_part_examined": header.text("BodyPartExamined", 16),
            "frame_of_reference_uid": header.text("FrameOfReferenceUID"),
            "manufacturer": header.text("Manufacturer"),
            # PS3.3 C.12.1.1: Synthetic Data.
            "is_synthetic": header.text("SyntheticData") == "YES",
        },
    )
    if series.study_id != study.pk:
        raise ConflictError("series_of_other_study", "This Series Instance UID belongs to another study here.")
    return series


def _count_in(study: Study, series: Series, size_bytes: int) -> None:
    """Bring the study's counts up to date; its row is locked."""
    study.number_of_instances += 1
    study.size_bytes += size_bytes
    if series.revision == 1:
        study.number_of_series += 1
        study.modalities_in_study = sorted({*study.modalities_in_study, series.modality} - {""})
        study.is_synthetic = study.is_synthetic or series.is_synthetic
    study.revision += 1
    study.save()


def _instance_values(header: Header) -> dict[str, Any]:
    pixel, number = header.pixel, header.number("InstanceNumber")
    position = header.numbers("ImagePositionPatient", 3)
    return {
        "sop_instance_uid": header.uid("SOPInstanceUID"),
        "sop_class_uid": header.uid("SOPClassUID"),
        "transfer_syntax_uid": header.transfer_syntax_uid,
        "instance_number": int(number) if number is not None and abs(number) < 2**31 else None,
        "rows": pixel.rows if pixel else None,
        "columns": pixel.columns if pixel else None,
        "number_of_frames": len(header.frame_ranges),
        "bits_allocated": pixel.bits_allocated if pixel else None,
        "photometric_interpretation": pixel.photometric_interpretation if pixel else "",
        "slice_position_mm": slice_position_mm(position, header.numbers("ImageOrientationPatient", 6)),
        "frame_ranges": header.frame_ranges,
    }


def mark_study(study: Study, *, ai_status: str | None = None, ai_summary: dict[str, Any] | None = None) -> None:
    """Fill the worklist's cells of upper rooms, and tell of it. Must run in the caller's transaction."""
    values: dict[str, Any] = {"revision": F("revision") + 1}
    if ai_status is not None:
        values["ai_status"] = ai_status
    if ai_summary is not None:
        values["ai_summary"] = ai_summary
    Study.objects.filter(pk=study.pk).update(**values)
    study.refresh_from_db()
    announce_study(study)


def announce_study(study: Study, series: Series | None = None) -> None:
    """Tell who watches the study and the team how it now stands."""
    row, slug = study_row(study), study.team.slug
    topic = f"study:{slug}/{study.study_instance_uid}"
    if series is None:
        publish(topic, "study.changed", {"study": row}, team_id=study.team_id)
    else:
        publish(topic, "series.changed", {"study": row, "series": series_row(series)}, team_id=study.team_id)
    publish(f"team:{slug}", "study.changed", {"study": row}, team_id=study.team_id)
