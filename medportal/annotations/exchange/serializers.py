"""The shapes of exports, imports and reports as trees."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medportal.annotations.exchange.writing import FORMS
from medportal.annotations.marks.serializers import UID


class ExportQuerySerializer(serializers.Serializer[Any]):
    """What is asked for."""

    form = serializers.ChoiceField(choices=list(FORMS))
    segmentation = serializers.UUIDField(required=False, help_text="Only this one; without it, all of the study")


class StoreSerializer(serializers.Serializer[Any]):
    """What is to be put into the archive."""

    form = serializers.ChoiceField(choices=["sr", "seg"])
    segmentation = serializers.UUIDField(required=False, allow_null=True)


class PutSerializer(serializers.Serializer[Any]):
    """An object that is in the archive now."""

    status = serializers.ChoiceField(choices=["stored", "duplicate"])
    sop_instance_uid = serializers.CharField()
    series_instance_uid = serializers.CharField()


class ImportSerializer(serializers.Serializer[Any]):
    """A series of segmentations or reports."""

    series_instance_uid = serializers.RegexField(UID)


class ImportedSerializer(serializers.Serializer[Any]):
    """What came of an import."""

    segmentations = serializers.ListField(child=serializers.UUIDField())
    marks = serializers.IntegerField()
    left_out = serializers.ListField(child=serializers.CharField())


class ReferenceSerializer(serializers.Serializer[Any]):
    """An image that an item speaks of."""

    sop_instance_uid = serializers.CharField()
    frame_number = serializers.IntegerField(allow_null=True)


class ReportItemSerializer(serializers.Serializer[Any]):
    """A content item of a structured report (PS3.3 C.17.3)."""

    depth = serializers.IntegerField()
    kind = serializers.CharField()
    concept = serializers.CharField()
    value = serializers.CharField()
    unit = serializers.CharField()
    references = ReferenceSerializer(many=True)


class ReportSerializer(serializers.Serializer[Any]):
    """A structured report, its items in order, each as deep as it lies."""

    title = serializers.CharField()
    completion = serializers.CharField()
    verification = serializers.CharField()
    items = ReportItemSerializer(many=True)
