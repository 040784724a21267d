"""The shape of a result: the `AnnotationSet` component."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medportal.annotations.models import AnnotationSet


class VerdictSerializer(serializers.Serializer[Any]):
    """What a reading says of the series as a whole."""

    value = serializers.CharField(help_text="The class that the verdict names")
    probability = serializers.FloatField(help_text="Of the positive class, 0 to 1")
    threshold = serializers.FloatField()
    positive = serializers.BooleanField()


class SliceResultSerializer(serializers.Serializer[Any]):
    """What a reading says of one frame."""

    sop_instance_uid = serializers.CharField()
    frame = serializers.IntegerField(help_text="Number of the frame in its instance, from 1")
    probability = serializers.FloatField()


class AnnotationSetSerializer(serializers.ModelSerializer[AnnotationSet]):
    """All that one reading of a series gave, and who or what gave it."""

    study_instance_uid = serializers.CharField(source="study.study_instance_uid", read_only=True)
    series_instance_uid = serializers.CharField(source="series.series_instance_uid", read_only=True)
    is_synthetic = serializers.BooleanField(source="series.is_synthetic", read_only=True)
    author: Any = serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)
    parameters = serializers.DictField()
    verdict = VerdictSerializer()
    slices = SliceResultSerializer(many=True)
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
            "created_at",
        )

    def get_is_for_diagnosis(self, _result: AnnotationSet) -> bool:
        """Say that no result of a model is a diagnosis."""
        return False
