"""What comes in: DICOM SEG as segmentations, SR as marks, each object once however often it is asked for."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from medportal.accounts.models import Role, User
from medportal.annotations.exchange.sources import Planes, grid_of, to_patient
from medportal.annotations.marks.services import save_changes
from medportal.annotations.models import Mark, Segmentation, Source
from medportal.annotations.segmentations.access import Origin, State
from medportal.annotations.segmentations.arrays import named
from medportal.annotations.segmentations.document import runs_of
from medportal.annotations.segmentations.services import create_segmentation
from medportal.archive.access import get_series
from medportal.archive.models import Instance, Series
from medportal.archive.reading import attributes_of, decoder, load_series_stack, object_path
from medportal.errors import InvalidError, MedportalError
from medportal.imaging.derived_object import Code
from medportal.imaging.headers import read_header
from medportal.imaging.seg import masks_of, read_segmentation
from medportal.imaging.sr_read import read_measurements
from medportal.imaging.sr_write import Measurement

_NAMES = UUID("6f0e7b9c-3d55-4f0e-9d6e-5a1a7f9f1c11")
_AT_ONCE = 200
Outcome = dict[str, Any]


def import_series(user: User, team_slug: str, study_uid: str, series_uid: str) -> Outcome:
    """Make segmentations or marks of the objects of a series: {"segmentations": [id…], "marks": n, "left_out": [why…]}.

    The same object again makes nothing new. What could not be taken is told, and the rest is taken. Raises InvalidError
    `nothing_to_import` where no object of the series is of a kind that can be.
    """
    series = get_series(user, team_slug, series_uid, Role.READER, study_uid)
    outcome: Outcome = {"segmentations": [], "marks": 0, "left_out": []}
    objects = list(Instance.objects.filter(series=series).order_by("instance_number", "pk"))
    readable = [one for one in objects if series.modality in ("SEG", "SR") or one.sop_class_uid in _CLASSES]
    if not readable:
        raise InvalidError("nothing_to_import", "The series holds neither segmentations nor measurements.")
    for instance in readable:
        try:
            if series.modality == "SR":
                _import_report(user, team_slug, study_uid, instance, outcome)
            else:
                outcome["segmentations"].append(_import_segmentation(user, series, instance))
        except MedportalError as error:
            outcome["left_out"].append(f"{instance.sop_instance_uid}: {error.detail}")
    return outcome


_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})


def _import_segmentation(user: User, series: Series, instance: Instance) -> str:
    uuid = uuid5(_NAMES, f"{series.team_id} {instance.sop_instance_uid}")
    if Segmentation.objects.filter(team=series.team_id, uuid=uuid).exists():
        return str(uuid)
    path = object_path(instance)
    read = read_segmentation(path, read_header(path))
    source = Series.objects.filter(study=series.study_id, series_instance_uid=read.series_instance_uid).first()
    if source is None:
        raise InvalidError("source_missing", "The series that the segmentation is of is not in this study.")
    stack = load_series_stack(source)
    state = State()
    for number, said in read.descriptions.items():
        codes = {k: _code(c) for k, c in (("category", said.category), ("type", said.type), ("region", said.region))}
        words = {"algorithm": said.algorithm, "model": said.algorithm_name, **codes}
        state.segments[number] = (
            named(said.label, number, **words, **({"color": said.color} if said.color else {})),
            0,
        )
    frames = [(frame.sop_instance_uid, frame.number) for frame in stack]
    for number, index, mask in masks_of(read, grid_of(source, stack), decoder()):
        state.frames[number, frames[index]] = (runs_of(mask).tobytes(), 0)
    origin = Origin(Source.IMPORT, sop_instance_uid=instance.sop_instance_uid)
    title = series.series_description or attributes_of(instance).text("ContentLabel")
    return str(create_segmentation(user, source, uuid, title, state=state, origin=origin).uuid)


def _code(code: Code | None) -> dict[str, str] | None:
    return {"value": code.value, "scheme": code.scheme[:16], "meaning": code.meaning or code.value} if code else None


def _import_report(user: User, team_slug: str, study_uid: str, instance: Instance, outcome: Outcome) -> None:
    measurements, left = read_measurements(attributes_of(instance))
    planes, changes = Planes(instance.series.study), []
    for place, one in enumerate(measurements):
        uuid = uuid5(_NAMES, f"{instance.team_id} {instance.sop_instance_uid} {place}")
        mark = _mark(one, planes)
        if mark is None:
            left += 1
        elif not Mark.objects.filter(team=instance.team_id, uuid=uuid).exists():
            changes.append({"id": uuid, "revision": 0, "mark": mark})
    for start in range(0, len(changes), _AT_ONCE):
        for result in save_changes(user, team_slug, study_uid, changes[start : start + _AT_ONCE]):
            if result["outcome"] == "refused":
                outcome["left_out"].append(f"{instance.sop_instance_uid}: {result['detail']}")
            else:
                outcome["marks"] += 1
    if left:
        outcome["left_out"].append(f"{instance.sop_instance_uid}: {left} measurements lie on no image of this study.")


def _mark(one: Measurement, planes: Planes) -> dict[str, Any] | None:
    """Return what a mark says of a measurement; None where its image is not of the study."""
    content: dict[str, Any] = {
        "kind": one.kind,
        "source": Source.IMPORT,
        "data": {
            "stats": dict(one.stats),
            **({"text" if one.kind in ("arrow", "text") else "label": one.label} if one.label else {}),
            **({"finding": _code(one.finding)} if one.finding else {}),
        },
    }
    if one.reference is None:
        series = Series.objects.filter(
            study=planes.study, frame_of_reference_uid=one.frame_of_reference_uid, number_of_frames__gt=0
        ).first()
        if series is None or not one.frame_of_reference_uid:
            return None
        uids = {"series_instance_uid": series.series_instance_uid, "frame_of_reference_uid": one.frame_of_reference_uid}
        return content | uids | {"space": "patient", "points": [list(p) for p in one.points]}
    uid, number = one.reference.sop_instance_uid, one.reference.frame_number or 1
    row = Instance.objects.filter(series__study=planes.study, sop_instance_uid=uid).select_related("series").first()
    plane = planes.plane(uid, number)
    if row is None or plane is None:
        return None
    placed = to_patient(one.points, plane)
    return content | {
        "series_instance_uid": row.series.series_instance_uid,
        "sop_instance_uid": uid,
        "frame_number": number,
        "frame_of_reference_uid": row.series.frame_of_reference_uid if placed else "",
        "space": "patient" if placed else "image",
        "points": placed or [[*p[:2], 0.0] for p in one.points],
    }
