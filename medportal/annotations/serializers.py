"""The shapes of marks: labels, and the `AnnotationSet` component with its verdict, boxes and mask."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medportal.annotations.marks.serializers import EVENTS as MARK_EVENTS
from medportal.annotations.models import AnnotationSet, Label, LabelMap
from medportal.annotations.segmentations.serializers import EVENTS as SEGMENTATION_EVENTS


class VerdictSerializer(serializers.Serializer[Any]):
    """What a reading says of the series as a whole."""

    value = serializers.CharField(help_text="The class that the verdict names")
    probability = serializers.FloatField(help_text="Of the positive class, 0 to 1")
    threshold = serializers.FloatField()
    positive = serializers.BooleanField()
    probabilities = serializers.DictField(
        child=serializers.FloatField(), default=dict, help_text="Of each class, where the model tells classes apart"
    )
    measures = serializers.DictField(
        child=serializers.FloatField(),
        default=dict,
        help_text="What was measured: millilitres of each segment, number of boxes of each class, …",
    )


class SliceResultSerializer(serializers.Serializer[Any]):
    """What a reading says of one frame."""

    sop_instance_uid = serializers.CharField()
    frame = serializers.IntegerField(help_text="Number of the frame in its instance, from 1")
    probability = serializers.FloatField()


class BoxSerializer(serializers.Serializer[Any]):
    """A box in the series' stack, in voxel-edge coordinates: voxel i reaches from i to i + 1."""

    label: Any = serializers.CharField()
    low = serializers.ListField(child=serializers.FloatField(), help_text="[slice, row, column]")
    high = serializers.ListField(child=serializers.FloatField(), help_text="[slice, row, column]")
    score = serializers.FloatField(help_text="0 to 1; 1 where a person drew it")


class SegmentSerializer(serializers.Serializer[Any]):
    """What a number of a mask means."""

    value = serializers.IntegerField(min_value=1)
    label: Any = serializers.CharField()
    voxels = serializers.IntegerField()


class LabelMapSerializer(serializers.ModelSerializer[LabelMap]):
    """A mask's description; its voxels are at `…/annotation-sets/{id}/mask/`, deflated, little endian, in C order."""

    shape = serializers.ListField(child=serializers.IntegerField(), help_text="[slices, rows, columns]")
    dtype = serializers.CharField(help_text="uint8 or uint16")
    segments = SegmentSerializer(many=True)

    class Meta:
        model = LabelMap
        fields = ("shape", "dtype", "sha256", "segments", "is_instances")


class AnnotationSetSerializer(serializers.ModelSerializer[AnnotationSet]):
    """All that one reading of a series gave, and who or what gave it."""

    study_instance_uid = serializers.CharField(source="study.study_instance_uid", read_only=True)
    series_instance_uid = serializers.CharField(source="series.series_instance_uid", read_only=True)
    is_synthetic = serializers.BooleanField(source="series.is_synthetic", read_only=True)
    author: Any = serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)
    parameters = serializers.DictField()
    verdict = serializers.SerializerMethodField(help_text="Null where the reading says nothing of the whole")
    slices = SliceResultSerializer(many=True)
    boxes = BoxSerializer(many=True)
    mask = serializers.SerializerMethodField(help_text="Null where there is none")
    is_for_diagnosis = serializers.SerializerMethodField(help_text="Always false: a person reads the study")

    class Meta:
        model = AnnotationSet
        fields = (
            "id",
            "study_instance_uid",
            "series_instance_uid",
            "is_synthetic",
            "is_for_diagnosis",
            "task",
            "source",
            "author",
            "model",
            "version",
            "sha256",
            "provider",
            "parameters",
            "job_id",
            "verdict",
            "slices",
            "boxes",
            "mask",
            "created_at",
        )

    @extend_schema_field(VerdictSerializer(allow_null=True))
    def get_verdict(self, result: AnnotationSet) -> dict[str, Any] | None:
        """Return the verdict, if there is one."""
        return VerdictSerializer(result.verdict).data if result.verdict else None

    @extend_schema_field(LabelMapSerializer(allow_null=True))
    def get_mask(self, result: AnnotationSet) -> dict[str, Any] | None:
        """Return the mask's description, if there is one."""
        label_map = getattr(result, "label_map", None)
        return LabelMapSerializer(label_map).data if label_map is not None else None

    def get_is_for_diagnosis(self, _result: AnnotationSet) -> bool:
        """Say that no result of a model is a diagnosis."""
        return False


class LabelSerializer(serializers.ModelSerializer[Label]):
    """A class that a study, a series or an instance has now."""

    study_instance_uid = serializers.CharField(source="study.study_instance_uid")
    series_instance_uid = serializers.CharField(source="series.series_instance_uid", allow_null=True, default=None)
    sop_instance_uid = serializers.CharField(source="instance.sop_instance_uid", allow_null=True, default=None)
    author: Any = serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = Label
        fields = (
            "study_instance_uid",
            "series_instance_uid",
            "sop_instance_uid",
            "scheme",
            "value",
            "source",
            "author",
            "created_at",
        )
        read_only_fields = fields


class NewLabelSerializer(serializers.Serializer[Any]):
    """What to label, and with what: a study, a series, or an instance of a series."""

    study = serializers.CharField(max_length=64, required=False, help_text="StudyInstanceUID")
    series = serializers.CharField(max_length=64, required=False, help_text="SeriesInstanceUID")
    instance = serializers.CharField(max_length=64, required=False, help_text="SOPInstanceUID, with its series")
    scheme = serializers.CharField(max_length=60, help_text="The question that the label answers")
    value = serializers.CharField(max_length=400, allow_blank=True, help_text="Several at once are joined by |")


class LabelFilterSerializer(serializers.Serializer[Any]):
    """Which labels to list: of a study or a series, of all schemes where none is said."""

    scheme = serializers.CharField(required=False, max_length=60)
    study_instance_uid = serializers.CharField(required=False, max_length=64)
    series_instance_uid = serializers.CharField(required=False, max_length=64)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require a study or a series: which labels count now is found out among all that are asked for."""
        if not attrs.get("study_instance_uid") and not attrs.get("series_instance_uid"):
            raise serializers.ValidationError({"study_instance_uid": "Name a study or a series."})
        return attrs


class LabelSchemeSerializer(serializers.Serializer[Any]):
    """A question by which studies, series and slices are labelled."""

    scheme = serializers.CharField()
    values = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Answer → number of studies and series that have it now; where slices alone have it, of their series",
    )


EVENTS = {**MARK_EVENTS, **SEGMENTATION_EVENTS}
