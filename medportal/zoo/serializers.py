"""Shapes of the zoo: models, their versions, and what is told when one changes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medportal.zoo.access import has_embedding
from medportal.zoo.models import Model, ModelVersion


class VariantSerializer(serializers.Serializer[Any]):
    """The same network in less space, and what that costs on the validation split."""

    precision = serializers.CharField(help_text="fp16 or int8")
    metric = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    loss = serializers.FloatField(allow_null=True, help_text="By how much the metric is worse than the full network's")


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    """A version: what it is, what it reached, how far it is trusted."""

    model = serializers.CharField(source="model.name", read_only=True)
    task = serializers.CharField(source="model.task", read_only=True)
    metrics = serializers.DictField(help_text="Of the test split, as measured when it was trained")
    classes = serializers.SerializerMethodField()
    modalities = serializers.SerializerMethodField(help_text="Modalities that it can read")
    dimensions = serializers.SerializerMethodField(help_text="2: it reads slices; 3: volumes")
    is_colour = serializers.SerializerMethodField(help_text="Whether it reads images in colour")
    has_embedding = serializers.SerializerMethodField(help_text="Whether similar cases can be looked for with it")
    variants = serializers.SerializerMethodField()
    created_by: Any = serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = ModelVersion
        fields: Any = (
            "model",
            "task",
            "number",
            "stage",
            "origin",
            "sha256",
            "metrics",
            "classes",
            "modalities",
            "dimensions",
            "is_colour",
            "has_embedding",
            "variants",
            "job_id",
            "created_by",
            "created_at",
            "promoted_at",
        )

    def get_classes(self, version: ModelVersion) -> list[str]:
        """Return the classes in the order of the outputs."""
        return [str(name) for name in version.manifest.get("classes", [])]

    def get_modalities(self, version: ModelVersion) -> list[str]:
        """Return what the manifest says that the input must be."""
        return [str(name) for name in version.manifest.get("input", {}).get("modalities", [])]

    def get_dimensions(self, version: ModelVersion) -> int:
        """Return the dimensions of a sample."""
        return int(version.manifest.get("input", {}).get("dimensions", 2))

    def get_is_colour(self, version: ModelVersion) -> bool:
        """Say whether samples have colours."""
        return bool(version.manifest.get("input", {}).get("colour", False))

    def get_has_embedding(self, version: ModelVersion) -> bool:
        """Say whether the network has an embedding among its outputs."""
        return has_embedding(version)

    @extend_schema_field(VariantSerializer(many=True))
    def get_variants(self, version: ModelVersion) -> list[dict[str, Any]]:
        """Return the precisions in which it can be run besides its own."""
        return [dict(VariantSerializer(one).data) for one in version.manifest.get("variants", [])]


class ModelVersionDetailSerializer(ModelVersionSerializer):
    """A version with its manifest and its card."""

    manifest = serializers.DictField()
    card = serializers.CharField(help_text="The model card, Markdown")

    class Meta(ModelVersionSerializer.Meta):
        fields: Any = (*ModelVersionSerializer.Meta.fields, "manifest", "card")


class ModelSerializer(serializers.ModelSerializer[Model]):
    """A model with its versions, newest first."""

    team: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    versions = ModelVersionSerializer(many=True)

    class Meta:
        model = Model
        fields = ("team", "name", "title", "task", "created_at", "versions")


class ModelChangedSerializer(serializers.Serializer[Any]):
    """A model as it is after a version was added or its stage changed."""

    model = ModelSerializer()


EVENTS = {"model.changed": ModelChangedSerializer}
