"""Which column of a table is meant: its name whatever its case, or what others call the same thing."""

from __future__ import annotations

from collections.abc import Sequence

from medportal.errors import InvalidError

# What others call a column, as `plain_name` has it; the first line that names exactly one column counts.
Words = Sequence[Sequence[str]]
PATHS: Words = (
    ("path", "filepath", "imagepath", "dicompath", "pathtoimage"),
    ("image", "imageid", "imageindex", "imagename", "imagefile", "img", "imgpath", "imgname"),
    ("filename", "file", "dicom", "dicomfile"),
    ("seriesinstanceuid", "seriesuid"),
    ("studyinstanceuid", "studyuid"),
    ("id", "idcode", "scan", "scanid", "case", "caseid"),
    ("patient", "patientid", "pid", "subject", "subjectid"),
)
LABELS: Words = (
    ("label", "labels"),
    (
        "class",
        "target",
        "diagnosis",
        "dx",
        "finding",
        "findings",
        "findinglabels",
        "category",
        "classname",
        "labelname",
    ),
)
GROUPS: Words = (
    ("group", "groupid"),
    ("patient", "patientid", "patientnumber", "pid", "subject", "subjectid"),
    ("lesionid",),
)
SPLITS: Words = (("split",), ("set", "subset", "partition"))

# Of outcomes of patients; a time in months is by none of these names.
PATIENTS: Words = (
    ("patient",),
    ("patientid", "pid", "subject", "subjectid", "case", "caseid", "bcrpatientbarcode"),
    ("id",),
)
TIMES: Words = (
    ("time_days",),
    (
        "timedays",
        "timeindays",
        "days",
        "survivaldays",
        "survivaltimedays",
        "overallsurvivaldays",
        "osdays",
        "followupdays",
    ),
    ("survivaltime", "timetoevent", "ostime", "daystodeathorlastfollowup"),
    ("time",),
)
EVENTS: Words = (
    ("event",),
    (
        "deadstatusevent",
        "eventobserved",
        "eventstatus",
        "death",
        "dead",
        "deceased",
        "vitalstatus",
        "osstatus",
        "osevent",
    ),
    ("status",),
)


def plain_name(name: str) -> str:
    """Return a column's name without case, spaces and signs."""
    return "".join(sign for sign in name.casefold() if sign.isalnum())


def column_named(table: str, columns: Sequence[str], wanted: str) -> str:
    """Return the column of a name, whatever its case; InvalidError `no_column` where there is none, or several."""
    alike = [column for column in columns if column.casefold() == wanted.casefold()]
    if wanted in columns or len(alike) == 1:
        return wanted if wanted in columns else alike[0]
    raise InvalidError("no_column", f"“{table}” has no column “{wanted}”: it has {', '.join(columns[:20])}.")


def column_meant(columns: Sequence[str], words: Words) -> str:
    """Return the one column that is called by one of the words, "" where there is none, or several as good."""
    if words[0][0] in columns:
        return words[0][0]
    for line in words:
        meant = [column for column in columns if plain_name(column) in line]
        if meant:
            return meant[0] if len(meant) == 1 else ""
    return ""


def meant_or_named(table: str, columns: Sequence[str], wanted: str, words: Words) -> str:
    """Return the column that is asked for; the usual name, or "", stands for whatever others call it.

    InvalidError `no_column` for one that is asked for and is not there.
    """
    if wanted and wanted != words[0][0]:
        return column_named(table, columns, wanted)
    return column_meant(columns, words)
