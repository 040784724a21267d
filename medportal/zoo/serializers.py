"""Shapes of the zoo: models, their versions, and what is told when one changes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medportal.zoo.models import Model, ModelVersion


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    """A version: what it is, what it reached, how far it is trusted."""

    model = serializers.CharField(source="model.name", read_only=True)
    task = serializers.CharField(source="model.task", read_only=True)
    metrics = serializers.DictField(help_text="Of the test split, as measured when it was trained")
    classes = serializers.SerializerMethodField()
    modalities = serializers.SerializerMethodField(help_text="Modalities that it can read")
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
