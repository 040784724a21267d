"""Shapes of analyses: the order, the job with its result, and the pieces that stream while it runs."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medportal.analysis.models import Analysis
from medportal.annotations.serializers import AnnotationSetSerializer
from medportal.jobs.serializers import JobSerializer


class AnalysisSerializer(serializers.ModelSerializer[Analysis]):
    """A model version run on a series: its job, and its result once there is one."""

    job = JobSerializer()
    study_instance_uid = serializers.CharField(source="series.study.study_instance_uid")
    series_instance_uid = serializers.CharField(source="series.series_instance_uid")
    model = serializers.CharField(source="model_version.model.name")
    version = serializers.IntegerField(source="model_version.number")
    result = AnnotationSetSerializer(source="annotation_set", allow_null=True)

    class Meta:
        model = Analysis
        fields = ("job", "study_instance_uid", "series_instance_uid", "model", "version", "result")


class NewAnalysisSerializer(serializers.Serializer[Any]):
    """Which model to run on which series."""

    id = serializers.UUIDField(help_text="Made by the caller: the same id again is the same analysis")
    series_instance_uid = serializers.CharField(max_length=64)
    model = serializers.SlugField(max_length=80)
    version = serializers.IntegerField(
        min_value=1, required=False, help_text="By default the one in production, or the newest where none is"
    )


class AnalysisFilterSerializer(serializers.Serializer[Any]):
    """Which analyses to list; all where nothing is said."""

    study = serializers.CharField(required=False, max_length=64, help_text="StudyInstanceUID")
    series = serializers.CharField(required=False, max_length=64, help_text="SeriesInstanceUID")


class AnalysisChangedSerializer(serializers.Serializer[Any]):
    """An analysis of the study as it is now."""

    analysis = AnalysisSerializer()


class SlicePredictedSerializer(serializers.Serializer[Any]):
    """The header of a binary piece: one frame's probability; the payload is the map of what the model looked at."""

    index = serializers.IntegerField(help_text="Place in the stack, from 0")
    count = serializers.IntegerField(help_text="How many frames the series has")
    sop_instance_uid = serializers.CharField()
    frame = serializers.IntegerField(help_text="Number of the frame in its instance, from 1")
    probability = serializers.FloatField(help_text="Of the positive class")
    shape = serializers.ListField(child=serializers.IntegerField(), help_text="Rows and columns of the map")
    dtype = serializers.ChoiceField(choices=["uint8"])
    encoding = serializers.ChoiceField(choices=["raw", "deflate"], help_text="deflate: zlib stream (RFC 1950)")
    region = serializers.ListField(
        child=serializers.FloatField(),
        help_text="Box of the frame that the map covers, in pixels: first row, first column, end row, end column",
    )
    scale = serializers.FloatField(help_text="What the largest value of the map, 255, means")


class SeriesVerdictSerializer(serializers.Serializer[Any]):
    """What the model says of the series."""

    value = serializers.CharField()
    probability = serializers.FloatField()
    threshold = serializers.FloatField()
    positive = serializers.BooleanField()
    provider = serializers.CharField(help_text="The execution provider that was really used")
    model = serializers.CharField()
    version = serializers.IntegerField()
    seconds = serializers.FloatField()


EVENTS = {
    "analysis.changed": AnalysisChangedSerializer,
    "slice.predicted": SlicePredictedSerializer,
    "series.verdict": SeriesVerdictSerializer,
}
