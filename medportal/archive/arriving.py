"""The rows of objects that arrive: what each adds to its series and study; and of many at once, with few questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medportal.accounts.models import Team
from medportal.archive import incoming
from medportal.archive.incoming import Incoming
from medportal.archive.models import Instance, Patient, Series, Study
from medportal.archive.rows import series_row, study_row, study_topic
from medportal.errors import ConflictError
from medportal.messaging.services import publish


def of_other_study() -> ConflictError:
    """Return the refusal of a series that is held under another study."""
    return ConflictError("series_of_other_study", "This Series Instance UID belongs to another study here.")


def is_other_patient(patient: Patient, arrived: Incoming) -> bool:
    """Say whether an object names another patient than its study's."""
    values = incoming.patient_values(arrived.attributes)
    return any(getattr(patient, column) != value for column, value in values.items())


def count_in_series(series: Series, arrived: Incoming, values: dict[str, Any]) -> None:
    """Add an object to its series' figures."""
    reason = incoming.reason_not_displayable(arrived, values)
    # One object that can be shown does not make up for one that cannot: the first reason stays.
    series.reason_not_displayable = series.reason_not_displayable or reason
    series.number_of_instances += 1
    series.number_of_frames += values["number_of_frames"]
    series.transfer_syntax_uids = sorted({*series.transfer_syntax_uids, values["transfer_syntax_uid"]})
    series.revision += 1


def count_in_study(study: Study, series: Series, size_bytes: int) -> None:
    """Add an object to its study's figures, after its series'."""
    study.number_of_instances += 1
    study.size_bytes += size_bytes
    if series.revision == 1:
        study.number_of_series += 1
        study.modalities_in_study = sorted({*study.modalities_in_study, series.modality} - {""})
        study.is_synthetic = study.is_synthetic or series.is_synthetic
    study.revision += 1


def count_picture(series: Series, picture: bytes | None) -> None:
    """Have a picture that was brought along be the series' thumbnail, and its study's if that has none."""
    if picture is None:
        return
    series.thumbnail_revision, series.thumbnail_is_due, study = series.revision, False, series.study
    if study.thumbnail_series_uid in ("", series.series_instance_uid):
        study.thumbnail_series_uid, study.thumbnail_revision = series.series_instance_uid, series.revision


# Studies of which the team is told when many arrive together.
TOLD_TOGETHER = 20
PatientKey = tuple[str, ...]


class Rows:
    """The rows of many objects of one team, put together in memory and inserted by kind.

    Rows of studies that are there are locked in one order. Must live in one transaction; IntegrityError where somebody
    else was quicker.
    """

    def __init__(self, team: Team, arrivals: Sequence[Incoming]) -> None:
        self.team = team
        locked = Study.objects.select_for_update(of=("self",)).select_related("patient", "team").order_by("pk")
        studies = locked.filter(team=team, study_instance_uid__in={one.study_instance_uid for one in arrivals})
        self.studies = {one.study_instance_uid: one for one in studies}
        uids = {one.series_instance_uid for one in arrivals}
        known = Series.objects.filter(team=team, series_instance_uid__in=uids).select_related("study")
        self.series = {one.series_instance_uid: one for one in known}
        for one in self.series.values():
            one.study = self.studies.get(one.study.study_instance_uid, one.study)
        names = {one.attributes.text("PatientID") for one in arrivals}
        patients = Patient.objects.filter(team=team, patient_id__in=names)
        self.patients = {_key(one): one for one in patients}
        self.instances: list[Instance] = []
        self._new: list[Patient | Study | Series] = []
        self._told_apart: list[Patient] = []

    def is_new(self, study: Study) -> bool:
        """Say whether a study came with these objects."""
        return any(one is study for one in self._new)

    def add(self, arrived: Incoming, values: dict[str, Any]) -> Instance:
        """Put an object's rows together; ConflictError where its series is held under another study."""
        study = self._study(arrived)
        series = self._series(study, arrived)
        instance = Instance(team=self.team, series=series, **values)
        self.instances.append(instance)
        count_in_series(series, arrived, values)
        count_in_study(study, series, values["size_bytes"])
        return instance

    def _study(self, arrived: Incoming) -> Study:
        study = self.studies.get(arrived.study_instance_uid)
        if study is not None:
            study.has_conflict = study.has_conflict or is_other_patient(study.patient, arrived)
            return study
        patient, has_conflict = self._patient(arrived)
        values = incoming.study_values(arrived.attributes) | {"patient": patient, "has_conflict": has_conflict}
        study = Study(team=self.team, study_instance_uid=arrived.study_instance_uid, **values)
        self.studies[arrived.study_instance_uid] = study
        self._new.append(study)
        return study

    def _patient(self, arrived: Incoming) -> tuple[Patient, bool]:
        """Return the patient whom the object names, and whether others go by the same PatientID."""
        values = incoming.patient_values(arrived.attributes)
        patient = self.patients.get(tuple(values.values()))
        if patient is None:
            patient = Patient(team=self.team, patient_sex=arrived.attributes.text("PatientSex", 16), **values)
            self.patients[_key(patient)] = patient
            self._new.append(patient)
        same = [one for one in self.patients.values() if _name(one) == _name(patient) and one is not patient]
        if not patient.patient_id or not same:
            return patient, False
        self._told_apart += same
        return patient, True

    def _series(self, study: Study, arrived: Incoming) -> Series:
        series = self.series.get(arrived.series_instance_uid)
        if series is None:
            uid, values = arrived.series_instance_uid, incoming.series_values(arrived.attributes)
            series = Series(team=self.team, study=study, series_instance_uid=uid, **values)
            self.series[uid] = series
            self._new.append(series)
        elif series.study is not study:
            raise of_other_study()
        return series

    def insert(self) -> None:
        """Write the rows."""
        Patient.objects.bulk_create([one for one in self._new if isinstance(one, Patient)])
        Study.objects.bulk_create([one for one in self._new if isinstance(one, Study)])
        Series.objects.bulk_create([one for one in self._new if isinstance(one, Series)])
        Instance.objects.bulk_create(self.instances, batch_size=100)
        new = {id(one) for one in self._new}
        for row in (*self.studies.values(), *self.series.values()):
            if id(row) not in new:
                row.save()
        told_apart = [one.pk for one in self._told_apart]
        if told_apart:
            Study.objects.filter(patient__in=told_apart, has_conflict=False).update(has_conflict=True)


def _key(patient: Patient) -> PatientKey:
    return (patient.patient_id, patient.issuer_of_patient_id, patient.patient_name, patient.patient_birth_date)


def _name(patient: Patient) -> PatientKey:
    return (patient.patient_id, patient.issuer_of_patient_id)


def tell_of_many(team: Team, rows: Rows) -> None:
    """Tell who has a study open that it grew, and the team of some: not of each of five thousand.

    That there are new series with pictures is told once (`series.changed`), for who reacts to it.
    """
    last = {one.series.series_instance_uid: one.sop_instance_uid for one in rows.instances}
    for uid, series in rows.series.items():
        told: dict[str, Any] = {"study": study_row(series.study), "series": series_row(series)}
        if series.thumbnail_revision < series.revision and not series.thumbnail_is_due:
            Series.objects.filter(pk=series.pk).update(thumbnail_is_due=True)
            publish(study_topic(series.study), "series.grew", told, team_id=team.pk)
        elif not rows.is_new(series.study):
            told |= {"sop_instance_uid": last[uid]}
            publish(study_topic(series.study), "instance.stored", told, team_id=team.pk)
    # After the narrow topics, as everywhere.
    for number, study in enumerate(list(rows.studies.values())[:TOLD_TOGETHER]):
        shown = {"study": study_row(study)}
        if number == 0:
            shown |= {"series": series_row(next(one for one in rows.series.values() if one.study is study))}
        publish(f"team:{team.slug}", "study.changed" if number else "series.changed", shown, team_id=team.pk)
