"""Shapes of studies and series, in answers and in events."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medportal.archive.models import AiStatus, Series, Study
from medportal.archive.rows import series_row, study_row


class TagRowSerializer(serializers.Serializer[Any]):
    """An element of a header."""

    depth = serializers.IntegerField()
    tag = serializers.CharField()
    keyword = serializers.CharField()
    vr = serializers.CharField()
    value = serializers.CharField()


class AiSummarySerializer(serializers.Serializer[Any]):
    """What the last analysis said, for the worklist; empty before the first."""

    model = serializers.CharField(required=False)
    version = serializers.IntegerField(required=False)
    value = serializers.CharField(required=False)
    probability = serializers.FloatField(required=False)
    positive = serializers.BooleanField(required=False)


class StudyRowSerializer(serializers.Serializer[Study]):
    """A study as the worklist shows it."""

    study_instance_uid = serializers.CharField()
    patient_id = serializers.CharField()
    patient_name = serializers.CharField(help_text="PN: family^given, component groups joined by =")
    patient_sex = serializers.CharField()
    patient_birth_date = serializers.CharField(help_text="YYYYMMDD or empty")
    study_date = serializers.CharField(help_text="YYYYMMDD or empty")
    study_time = serializers.CharField()
    study_description = serializers.CharField()
    accession_number = serializers.CharField()
    modalities_in_study = serializers.ListField(child=serializers.CharField())
    number_of_series = serializers.IntegerField()
    number_of_instances = serializers.IntegerField()
    is_synthetic = serializers.BooleanField()
    has_conflict = serializers.BooleanField(help_text="Its objects, or another study's, name another patient")
    ai_status = serializers.ChoiceField(choices=AiStatus.choices, allow_blank=True)
    ai_summary = AiSummarySerializer()
    thumbnail_series_uid = serializers.CharField(allow_null=True)
    thumbnail_revision = serializers.IntegerField()
    revision = serializers.IntegerField()
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: Study) -> dict[str, Any]:
        """Write what events carry: one source for both."""
        return study_row(instance)

    class Meta:
        ref_name = "StudyRow"


class SeriesRowSerializer(serializers.Serializer[Series]):
    """A series as the viewer lists it."""

    series_instance_uid = serializers.CharField()
    series_number = serializers.IntegerField(allow_null=True)
    series_description = serializers.CharField()
    modality = serializers.CharField()
    body_part_examined = serializers.CharField()
    number_of_instances = serializers.IntegerField()
    number_of_frames = serializers.IntegerField()
    is_synthetic = serializers.BooleanField()
    thumbnail_revision = serializers.IntegerField(help_text="0 while there is none")
    revision = serializers.IntegerField()
    transfer_syntax_uids = serializers.ListField(child=serializers.CharField())
    is_displayable = serializers.BooleanField()
    reason_not_displayable = serializers.CharField(
        help_text="`not_an_image`, `no_frames` or `transfer_syntax`; empty when it can be shown"
    )

    def to_representation(self, instance: Series) -> dict[str, Any]:
        """Write what events carry: one source for both."""
        return series_row(instance)

    class Meta:
        ref_name = "SeriesRow"


class StudyDetailSerializer(StudyRowSerializer):
    """A study with its series."""

    series = SeriesRowSerializer(many=True)

    class Meta:
        ref_name = "StudyDetail"


class StoredSerializer(serializers.Serializer[Any]):
    """What became of an uploaded object."""

    status = serializers.ChoiceField(choices=["stored", "duplicate"])
    study_instance_uid = serializers.CharField()
    series_instance_uid = serializers.CharField()
    sop_instance_uid = serializers.CharField()


class InstanceStoredSerializer(serializers.Serializer[Any]):
    """An instance came in."""

    study = StudyRowSerializer()
    series = SeriesRowSerializer()
    sop_instance_uid = serializers.CharField()


class StudyChangedSerializer(serializers.Serializer[Any]):
    """A study's row has changed."""

    study = StudyRowSerializer()


class SeriesChangedSerializer(serializers.Serializer[Any]):
    """A series' row has changed: it began to grow (`series.grew`), or has grown and has its thumbnail."""

    study = StudyRowSerializer()
    series = SeriesRowSerializer()


class StudyQuerySerializer(serializers.Serializer[Any]):
    """What the worklist is asked to show."""

    search = serializers.CharField(required=False, allow_blank=True, max_length=200, help_text="Words; all must occur")
    modality = serializers.CharField(required=False, allow_blank=True, max_length=16)
    ai_status = serializers.ChoiceField(
        choices=["", "none", *AiStatus.values[1:]], required=False, help_text="`none`: never analysed"
    )
    date_from = serializers.RegexField(r"^\d{8}$", required=False, allow_blank=True)
    date_to = serializers.RegexField(r"^\d{8}$", required=False, allow_blank=True)
    ordering = serializers.CharField(required=False, allow_blank=True, max_length=40)


EVENTS = {
    "instance.stored": InstanceStoredSerializer,
    "study.changed": StudyChangedSerializer,
    "series.changed": SeriesChangedSerializer,
    "series.grew": SeriesChangedSerializer,
}
