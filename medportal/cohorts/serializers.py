"""Shapes of cohorts: the selection that comes in, the frozen version that comes out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medportal.cohorts.models import Cohort, CohortVersion


class CohortVersionSerializer(serializers.ModelSerializer[CohortVersion]):
    """A frozen content, and how many series of each class each split has."""

    cohort = serializers.CharField(source="cohort.name", read_only=True)
    classes = serializers.ListField(child=serializers.CharField())
    counts = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()), help_text="Split → class → number of series"
    )
    patients = serializers.DictField(child=serializers.IntegerField(), help_text="Split → number of patients")
    created_by: Any = serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = CohortVersion
        fields = (
            "cohort",
            "number",
            "content_hash",
            "classes",
            "is_trainable",
            "counts",
            "patients",
            "created_by",
            "created_at",
        )


class CohortSerializer(serializers.ModelSerializer[Cohort]):
    """A named selection with its versions, newest first."""

    versions = CohortVersionSerializer(many=True)

    class Meta:
        model = Cohort
        fields = ("name", "title", "description", "created_at", "versions")


class SplitFractionsSerializer(serializers.Serializer[Any]):
    """How large a part of the patients each split gets; they add up to one."""

    train = serializers.FloatField(min_value=0, max_value=1)
    validation = serializers.FloatField(min_value=0, max_value=1)
    test = serializers.FloatField(min_value=0, max_value=1)


class NewCohortVersionSerializer(serializers.Serializer[Any]):
    """What to choose, by which labels, and how to split the patients."""

    name = serializers.SlugField(max_length=80)
    title = serializers.CharField(max_length=160, required=False, allow_blank=True)
    description = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    series = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=20_000, help_text="SeriesInstanceUIDs"
    )
    studies = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=20_000, help_text="StudyInstanceUIDs"
    )
    scheme = serializers.CharField(max_length=60, help_text="The label scheme that gives each series its class")
    classes = serializers.ListField(
        child=serializers.CharField(max_length=60), min_length=2, max_length=100, help_text="The negative class first"
    )
    split = SplitFractionsSerializer(required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
