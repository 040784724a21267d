"""QIDO-RS (PS3.18 10.6): searches for studies, series and instances as DICOM JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import CharField, Lookup, Model, Q, QuerySet
from django.http import QueryDict
from pydicom.datadict import tag_for_keyword

from medportal.archive import reading
from medportal.archive.models import Instance, Series, Study
from medportal.errors import InvalidError

M = TypeVar("M", bound=Model)
MAX_RESULTS = 5000
RETRIEVE_URL = "00081190"
# keyword, tag → (VR, path from the study, path from the series, path from the instance)
_STUDY_KEYS: dict[str, tuple[str, str, str]] = {
    "StudyInstanceUID": ("0020000D", "UI", "study_instance_uid"),
    "StudyDate": ("00080020", "DA", "study_date"),
    "StudyTime": ("00080030", "TM", "study_time"),
    "AccessionNumber": ("00080050", "SH", "accession_number"),
    "StudyDescription": ("00081030", "LO", "study_description"),
    "StudyID": ("00200010", "SH", "study_id"),
    "ReferringPhysicianName": ("00080090", "PN", "referring_physician_name"),
    "PatientName": ("00100010", "PN", "patient__patient_name"),
    "PatientID": ("00100020", "LO", "patient__patient_id"),
    "PatientBirthDate": ("00100030", "DA", "patient__patient_birth_date"),
    "PatientSex": ("00100040", "CS", "patient__patient_sex"),
    "ModalitiesInStudy": ("00080061", "CS", "modalities_in_study"),
}
_SERIES_KEYS = {
    "SeriesInstanceUID": ("0020000E", "UI", "series_instance_uid"),
    "Modality": ("00080060", "CS", "modality"),
    "SeriesNumber": ("00200011", "IS", "series_number"),
    "SeriesDescription": ("0008103E", "LO", "series_description"),
}
_INSTANCE_KEYS = {
    "SOPInstanceUID": ("00080018", "UI", "sop_instance_uid"),
    "SOPClassUID": ("00080016", "UI", "sop_class_uid"),
    "InstanceNumber": ("00200013", "IS", "instance_number"),
}
_TAG = re.compile("[0-9A-Fa-f]{8}")
_DATES = re.compile(r"\d{8}|\d{8}-|-\d{8}|\d{8}-\d{8}|[\d*?]+", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII)
_PAGING = {"limit", "offset", "includefield", "fuzzymatching"}


def search_studies(studies: QuerySet[Study], query: QueryDict, root: str) -> list[dict[str, Any]]:
    """Return the matching studies as DICOM JSON; `root` is the address below which they can be retrieved."""
    rows = _page(_matching(studies, query, _with_prefix(_STUDY_KEYS, "")), query)
    more = _Fields(query)
    return [more.of(Instance.objects.filter(series__study=row)) | study_json(row, root) for row in rows]


def search_series(series: QuerySet[Series], query: QueryDict, root: str) -> list[dict[str, Any]]:
    """Return the matching series, with their studies' attributes."""
    keys = _with_prefix(_SERIES_KEYS, "") | _with_prefix(_STUDY_KEYS, "study__")
    rows, more = _page(_matching(series, query, keys), query), _Fields(query)
    return [more.of(row.instances) | series_json(row, root) for row in rows]


def search_instances(instances: QuerySet[Instance], query: QueryDict, root: str) -> list[dict[str, Any]]:
    """Return the matching instances, with their series' and studies' attributes."""
    keys = (
        _with_prefix(_INSTANCE_KEYS, "")
        | _with_prefix(_SERIES_KEYS, "series__")
        | _with_prefix(_STUDY_KEYS, "series__study__")
    )
    rows, more = _page(_matching(instances, query, keys), query), _Fields(query)
    return [more.of(Instance.objects.filter(pk=row.pk)) | instance_json(row, root) for row in rows]


class _Fields:
    """The attributes that `includefield` asks for (PS3.18 8.3.4.3), taken from an instance of what was found."""

    def __init__(self, query: QueryDict) -> None:
        names = {name for value in query.getlist("includefield") for name in value.split(",")}
        self._all = "all" in names
        self._tags = {tag.upper() if _TAG.fullmatch(tag) else _tag_of(tag) for tag in names - {"all"}}

    def of(self, instances: Any) -> dict[str, Any]:
        """Return what of the wanted an instance's header holds."""
        first = instances.order_by("instance_number", "id").first() if self._all or self._tags else None
        if first is None:
            return {}
        model = reading.model_of(first)
        return model if self._all else {tag: element for tag, element in model.items() if tag in self._tags}


def _tag_of(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    return "" if tag is None else f"{tag:08X}"


def _with_prefix(keys: dict[str, tuple[str, str, str]], prefix: str) -> dict[str, tuple[str, str]]:
    """Return matching key (keyword or tag) → (VR, column) from where the search starts."""
    found = {}
    for keyword, (tag, vr, column) in keys.items():
        found[keyword] = found[tag] = (vr, prefix + column)
    return found


def _matching(rows: QuerySet[M], query: QueryDict, keys: dict[str, tuple[str, str]]) -> QuerySet[M]:
    """Narrow by every matching key; unknown keys are ignored, as PS3.18 8.3.4.1 allows for those not supported."""
    for key, value in query.items():
        if key in _PAGING or key not in keys or not value:
            continue
        vr, column = keys[key]
        if "\x00" in value:
            raise InvalidError("query", "A matching key holds a character that no attribute has.")
        rows = rows.filter(_condition(vr, column, str(value)))
    return rows


def _condition(vr: str, column: str, value: str) -> Q:
    """Return the condition for one matching key (PS3.4 C.2.2.2)."""
    if column.endswith("modalities_in_study"):
        return Q(**{f"{column}__icontains": f'"{value}"'})
    if vr == "DA" and not _DATES.fullmatch(value):
        raise InvalidError("query", "A date is written YYYYMMDD, a range with a hyphen between two.")
    if vr in ("DA", "TM") and "-" in value:
        return _range(vr, column, value)
    if vr == "UI":
        return Q(**{f"{column}__in": value.replace("\\", ",").split(",")[:1000]})
    if vr == "IS":
        if not _NUMBER.fullmatch(value):
            raise InvalidError("query", "A number is needed for this matching key.")
        return Q(**{column: int(value)})
    if vr == "PN":
        return _name(column, value)
    return _wildcard(column, value) if "*" in value or "?" in value else Q(**{column: value})


def _range(vr: str, column: str, value: str) -> Q:
    """Return the condition for a range of dates or times (PS3.4 C.2.2.2.5)."""
    low, _, high = value.partition("-")
    condition = ~Q(**{column: ""})
    if low:
        condition &= Q(**{f"{column}__gte": low})
    if high:
        condition &= Q(**{f"{column}__lte": high.ljust(13, "9") if vr == "TM" else high})
    return condition


def _name(column: str, value: str) -> Q:
    """Match a name without regard to case, as a whole or by one of its component groups (PS3.5 6.2.1)."""
    if "*" in value or "?" in value:
        return _wildcard(column, value)
    return (
        Q(**{f"{column}__iexact": value})
        | Q(**{f"{column}__istartswith": f"{value}="})
        | Q(**{f"{column}__icontains": f"={value}="})
        | Q(**{f"{column}__iendswith": f"={value}"})
    )


@CharField.register_lookup
class Like(Lookup):  # type: ignore[type-arg]
    """SQL's LIKE, without regard to case: unlike a regular expression it cannot run away."""

    lookup_name = "like"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return the comparison."""
        left, left_parameters = self.process_lhs(compiler, connection)
        right, right_parameters = self.process_rhs(compiler, connection)
        return f"UPPER({left}) LIKE UPPER({right}) ESCAPE '!'", [*left_parameters, *right_parameters]


def _wildcard(column: str, value: str) -> Q:
    """Match with `*` and `?` (PS3.4 C.2.2.2.4)."""
    pattern = "".join(f"!{c}" if c in "!%_" else {"*": "%", "?": "_"}.get(c, c) for c in value)
    return Q(**{f"{column}__like": pattern})


def _page(rows: QuerySet[M], query: QueryDict) -> list[M]:
    """Return the page asked for by `limit` and `offset` (PS3.18 8.3.4.4)."""
    try:
        limit = min(max(int(query.get("limit", MAX_RESULTS)), 0), MAX_RESULTS)
        offset = min(max(int(query.get("offset", 0)), 0), 2**31)
    except ValueError:
        raise InvalidError("query", "limit and offset must be numbers.") from None
    return list(rows[offset : offset + limit])


def _element(vr: str, value: Any) -> dict[str, Any]:
    if value in (None, "", []):
        return {"vr": vr}
    if vr == "PN":
        names = dict(zip(("Alphabetic", "Ideographic", "Phonetic"), value.split("="), strict=False))
        return {"vr": vr, "Value": [{k: v for k, v in names.items() if v}]}
    return {"vr": vr, "Value": value if isinstance(value, list) else [value]}


def _elements(keys: dict[str, tuple[str, str, str]], get: Callable[[str], Any]) -> dict[str, Any]:
    return {tag: _element(vr, get(column)) for tag, vr, column in keys.values()}


def study_json(study: Study, root: str) -> dict[str, Any]:
    """Return the attributes of PS3.18 table 10.6.3-3."""

    def get(column: str) -> Any:
        owner = study.patient if column.startswith("patient__") else study
        return getattr(owner, column.removeprefix("patient__"))

    return _elements(_STUDY_KEYS, get) | {
        "00201206": _element("IS", study.number_of_series),
        "00201208": _element("IS", study.number_of_instances),
        "00080056": _element("CS", "ONLINE"),
        RETRIEVE_URL: _element("UR", _study_url(study, root)),
    }


def _study_url(study: Study, root: str) -> str:
    return f"{root}/studies/{study.study_instance_uid}"


def _series_url(series: Series, root: str) -> str:
    return f"{_study_url(series.study, root)}/series/{series.series_instance_uid}"


def series_json(series: Series, root: str) -> dict[str, Any]:
    """Return the attributes of PS3.18 table 10.6.3-4, with the study's."""
    own = _elements(_SERIES_KEYS, lambda column: getattr(series, column))
    more = {
        "00201209": _element("IS", series.number_of_instances),
        RETRIEVE_URL: _element("UR", _series_url(series, root)),
    }
    return study_json(series.study, root) | own | more


def instance_json(instance: Instance, root: str) -> dict[str, Any]:
    """Return the attributes of PS3.18 table 10.6.3-5, with the series' and the study's."""
    own = _elements(_INSTANCE_KEYS, lambda column: getattr(instance, column))
    pixels = {
        "00280010": _element("US", instance.rows),
        "00280011": _element("US", instance.columns),
        "00280100": _element("US", instance.bits_allocated),
        "00280008": _element("IS", instance.number_of_frames or None),
        "00083002": _element("UI", instance.transfer_syntax_uid),
        RETRIEVE_URL: _element("UR", f"{_series_url(instance.series, root)}/instances/{instance.sop_instance_uid}"),
    }
    return series_json(instance.series, root) | own | {tag: e for tag, e in pixels.items() if "Value" in e}
