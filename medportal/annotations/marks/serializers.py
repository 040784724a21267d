"""The shapes of marks, of changes to them and of what became of each change."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medportal.annotations.marks.kinds import NAMES
from medportal.annotations.models import Act, Source, Space

UID = r"^[0-9.]{1,64}$"
POINTS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
}


@extend_schema_field(POINTS)
class PointsField(serializers.JSONField):
    """Points as `kinds.checked_points` reads them: field by field, thousands of them would take long."""


@extend_schema_field({"type": "object", "additionalProperties": True})
class ObjectField(serializers.JSONField):
    """An object that is the viewer's own."""


class MarkContentSerializer(serializers.Serializer[Any]):
    """What a client says of a mark, whole: what is left out is what it is by default."""

    series_instance_uid = serializers.RegexField(UID)
    sop_instance_uid = serializers.RegexField(UID, allow_blank=True, default="", help_text='"": a plane of the volume')
    frame_number = serializers.IntegerField(min_value=1, max_value=200_000, allow_null=True, default=None)
    frame_of_reference_uid = serializers.RegexField(UID, allow_blank=True, default="")
    kind = serializers.ChoiceField(choices=NAMES)
    space = serializers.ChoiceField(choices=Space.choices)
    points: Any = PointsField(
        default=None, help_text="patient: LPS, mm; image: [column, row, 0] in pixels, the first one's centre at .5"
    )
    data: Any = ObjectField(default=dict, help_text="Text, finding, statistics, plane, colour: at most 8 KiB")
    is_hidden = serializers.BooleanField(default=False)
    is_locked = serializers.BooleanField(default=False)
    source: Any = serializers.ChoiceField(choices=Source.choices, default=Source.PERSON)
    model = serializers.CharField(max_length=80, allow_blank=True, default="")
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, allow_null=True, default=None)


class MarkSerializer(serializers.Serializer[Any]):
    """A measurement, region, arrow, point or key image: one row, whole."""

    id = serializers.UUIDField()
    study_instance_uid = serializers.CharField()
    series_instance_uid = serializers.CharField()
    sop_instance_uid = serializers.CharField(help_text='"": a plane of the volume')
    frame_number = serializers.IntegerField(allow_null=True, help_text="From 1")
    frame_of_reference_uid = serializers.CharField()
    kind = serializers.ChoiceField(choices=NAMES)
    space = serializers.ChoiceField(choices=Space.choices)
    points = PointsField(help_text="patient: LPS, mm; image: [column, row, 0] in pixels, the first one's centre at .5")
    data: Any = ObjectField()
    is_hidden = serializers.BooleanField()
    is_locked = serializers.BooleanField()
    source: Any = serializers.ChoiceField(choices=Source.choices)
    author = serializers.CharField(allow_null=True, help_text="Who made it")
    model = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    revision = serializers.IntegerField(help_text="From 1; rises with each change")
    is_deleted = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    updated_by = serializers.CharField(allow_null=True, help_text="Who made this revision")

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Write what `content.mark_row` gives: one source for answers and events."""
        return instance


class MarksSerializer(serializers.Serializer[Any]):
    """The marks of a study."""

    marks = MarkSerializer(many=True)


class ChangeSerializer(serializers.Serializer[Any]):
    """A change of one mark."""

    id = serializers.UUIDField(help_text="Made by the browser")
    revision = serializers.IntegerField(min_value=0, max_value=2**31 - 1, help_text="That it was made from; 0: none")
    # Its content is checked change by change, so that one that is wrong does not keep the others back.
    mark: Any = serializers.JSONField(allow_null=True, help_text="What it is to be; null deletes it")


class NewChangeSerializer(serializers.Serializer[Any]):
    """A change as the page sends it."""

    id = serializers.UUIDField()
    revision = serializers.IntegerField()
    mark = MarkContentSerializer(allow_null=True)


class ChangesSerializer(serializers.Serializer[Any]):
    """Changes to make, each for itself."""

    changes = serializers.ListField(child=ChangeSerializer(), min_length=1, max_length=200)


class NewChangesSerializer(serializers.Serializer[Any]):
    """Changes as the page sends them: at most 200."""

    changes = NewChangeSerializer(many=True)


class ResultSerializer(serializers.Serializer[Any]):
    """What became of a change."""

    id = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=["saved", "unchanged", "conflict", "refused"])
    mark = MarkSerializer(allow_null=True, help_text="As it is now; of a conflict what somebody else has made of it")
    code = serializers.CharField(help_text="Why it was refused; empty otherwise")
    detail = serializers.CharField()


class ResultsSerializer(serializers.Serializer[Any]):
    """What became of each change, in their order."""

    results = ResultSerializer(many=True)


class MarkRevisionSerializer(serializers.Serializer[Any]):
    """How a mark was from one change to the next."""

    revision = serializers.IntegerField()
    act = serializers.ChoiceField(choices=Act.choices)
    author = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField()
    mark = MarkSerializer()


class RestoreSerializer(serializers.Serializer[Any]):
    """Which state to go back to, and which one the page shows."""

    revision = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    based_on = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class DeletedQuerySerializer(serializers.Serializer[Any]):
    """Whether to list what was deleted as well."""

    deleted = serializers.BooleanField(default=False)


EVENTS = {"mark.changed": MarkSerializer}
