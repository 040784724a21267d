"""What is done with annotations across the site's border: hand them out, put them into the archive."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any
from uuid import UUID

from django.conf import settings

from medportal.accounts.models import Role, User
from medportal.annotations.exchange import writing
from medportal.annotations.exchange.writing import FORMS, File
from medportal.annotations.marks.access import visible_marks
from medportal.annotations.models import Segmentation
from medportal.annotations.segmentations.access import get_segmentation, visible_segmentations
from medportal.archive import storage
from medportal.archive.access import get_study
from medportal.archive.services import store_instance
from medportal.audit.services import record
from medportal.errors import InvalidError, TooLargeError

# Of all files of an export together.
MOST_BYTES = 768 * 1024 * 1024


def export(user: User, team_slug: str, study_uid: str, form: str, segmentation: UUID | None) -> File:
    """Return a study's annotations in a form, several files as a zip; puts it on record.

    Raises InvalidError `nothing_to_export`, TooLargeError `export_size`, and what the writers raise.
    """
    files = _written(user, team_slug, study_uid, form, segmentation)
    _record(user, team_slug, study_uid, "annotations.exported", form)
    return files[0] if len(files) == 1 else writing.zipped(files)


def _written(user: User, team_slug: str, study_uid: str, form: str, segmentation: UUID | None) -> list[File]:
    study = get_study(user, team_slug, study_uid)
    marks = list(visible_marks(user, team_slug, study_uid))
    segmentations: Sequence[Segmentation] = list(visible_segmentations(user, team_slug, study_uid))
    if segmentation is not None:
        segmentations = [get_segmentation(user, team_slug, study_uid, segmentation)]
    files, size = list[File](), 0
    for file in FORMS[form](study, marks, segmentations):
        files.append(file)
        size += len(file.content)
        if size > MOST_BYTES:
            limit = MOST_BYTES // 2**20
            raise TooLargeError("export_size", f"Together they have more than {limit} MB: take one at a time.")
    if not files:
        raise InvalidError("nothing_to_export", "There is nothing of this kind in the study yet.")
    return files


def store(user: User, team_slug: str, study_uid: str, form: str, segmentation: UUID | None) -> list[dict[str, Any]]:
    """Put annotations into the study as DICOM objects; what has not changed since is there already.

    Returns what became of each: {"status", "sop_instance_uid", "series_instance_uid"}.
    """
    study = get_study(user, team_slug, study_uid, Role.READER)
    answers = []
    for file in _written(user, team_slug, study_uid, form, segmentation):
        path = storage.receive(storage.chunks_of(BytesIO(file.content)), settings.MAX_OBJECT_BYTES)
        result = store_instance(
            team=study.team, path=path, actor=user, door="browser", expected_study_uid=study.study_instance_uid
        )
        answers.append(
            {
                "status": result.status,
                "sop_instance_uid": result.instance.sop_instance_uid,
                "series_instance_uid": result.series.series_instance_uid,
            }
        )
    _record(user, team_slug, study_uid, "annotations.stored", form)
    return answers


def _record(user: User, team_slug: str, study_uid: str, action: str, form: str) -> None:
    record(actor=user, action=action, team=team_slug, object_type="study", object_id=study_uid, detail={"form": form})
