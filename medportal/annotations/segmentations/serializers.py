"""The shapes of segmentations, their segments, and what became of a change."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medportal.annotations.marks.serializers import UID
from medportal.annotations.models import Source

ACTS = (
    "brush", "erase", "scissors", "threshold", "grow", "interpolate", "smooth", "islands", "margin", "logic", "contour",
    "import", "undo", "redo", "edit",
)  # fmt: skip


class CodeSerializer(serializers.Serializer[Any]):
    """A coded term (PS3.3 8.8)."""

    value = serializers.CharField(max_length=64)
    scheme = serializers.CharField(max_length=16)
    meaning = serializers.CharField(max_length=64)


class SegmentContentSerializer(serializers.Serializer[Any]):
    """What a segment says of itself."""

    label: Any = serializers.CharField(max_length=64)
    color = serializers.RegexField(r"^#[0-9a-f]{6}$")
    opacity = serializers.FloatField(min_value=0, max_value=1, default=0.5)
    is_hidden = serializers.BooleanField(default=False)
    is_locked = serializers.BooleanField(default=False)
    category = CodeSerializer(allow_null=True, default=None)
    type = CodeSerializer(allow_null=True, default=None)
    region = CodeSerializer(allow_null=True, default=None)
    algorithm = serializers.ChoiceField(choices=["MANUAL", "SEMIAUTOMATIC", "AUTOMATIC"], default="MANUAL")
    model = serializers.CharField(max_length=80, allow_blank=True, default="")


class SegmentSerializer(SegmentContentSerializer):
    """A segment as the document's header has it."""

    number = serializers.IntegerField(min_value=1, max_value=65_535)
    revision = serializers.IntegerField()


class SegmentationSerializer(serializers.Serializer[Any]):
    """A segmentation's row."""

    id = serializers.UUIDField()
    study_instance_uid = serializers.CharField()
    series_instance_uid = serializers.CharField()
    title = serializers.CharField()
    source: Any = serializers.ChoiceField(choices=Source.choices)
    author = serializers.CharField(allow_null=True)
    model = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    sop_instance_uid = serializers.CharField(help_text='Of the object that it was read from; "": drawn here')
    revision = serializers.IntegerField()
    number_of_segments = serializers.IntegerField()
    is_deleted = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    updated_by = serializers.CharField(allow_null=True)

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Write what `access.row_of` gives: one source for answers and events."""
        return instance


class SegmentationsSerializer(serializers.Serializer[Any]):
    """The segmentations of a study."""

    segmentations = SegmentationSerializer(many=True)


class NewSegmentationSerializer(serializers.Serializer[Any]):
    """A segmentation to be made: empty, or with what a result or another one holds."""

    id = serializers.UUIDField(help_text="Made by the browser")
    series_instance_uid = serializers.RegexField(UID)
    title = serializers.CharField(max_length=120, allow_blank=True, default="")
    copy_of = serializers.UUIDField(allow_null=True, default=None)
    from_annotation_set = serializers.UUIDField(allow_null=True, default=None)


class SegmentationEditSerializer(serializers.Serializer[Any]):
    """Another title, deleted or back again."""

    based_on = serializers.IntegerField(min_value=1)
    title = serializers.CharField(max_length=120, allow_blank=True, required=False)
    is_deleted = serializers.BooleanField(required=False)


class VoxelsQuerySerializer(serializers.Serializer[Any]):
    """Which state is asked for."""

    revision = serializers.IntegerField(min_value=1, required=False, help_text="As it was then; without it, as it is")


class ConflictSerializer(serializers.Serializer[Any]):
    """A segment, or a frame of it, that somebody else has changed meanwhile."""

    segment = serializers.IntegerField()
    sop_instance_uid = serializers.CharField(help_text='"": what the segment says of itself')
    frame_number = serializers.IntegerField()


class ChangedSerializer(serializers.Serializer[Any]):
    """What became of a change: of a conflict nothing at all was changed."""

    outcome = serializers.ChoiceField(choices=["saved", "unchanged", "conflict"])
    revision = serializers.IntegerField(help_text="The segmentation's revision now")
    conflicts = ConflictSerializer(many=True)


class SegmentationRevisionSerializer(serializers.Serializer[Any]):
    """A change that was made."""

    revision = serializers.IntegerField()
    act = serializers.CharField()
    author = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField()
    segments = serializers.ListField(child=serializers.IntegerField())
    number_of_frames = serializers.IntegerField()


class SegmentationRestoreSerializer(serializers.Serializer[Any]):
    """Which state to go back to, and which one the page shows."""

    revision = serializers.IntegerField(min_value=1)
    based_on = serializers.IntegerField(min_value=1)


class TouchedSerializer(serializers.Serializer[Any]):
    """A frame of a segment."""

    segment = serializers.IntegerField()
    sop_instance_uid = serializers.CharField()
    frame_number = serializers.IntegerField()


class SegmentationChangedSerializer(serializers.Serializer[Any]):
    """A segmentation has changed: which change it was, and what it touched."""

    segmentation = SegmentationSerializer()
    change = serializers.UUIDField(allow_null=True)
    touched = TouchedSerializer(many=True, allow_null=True, help_text="null: too much to name; fetch it anew")


EVENTS = {"segmentation.changed": SegmentationChangedSerializer}
