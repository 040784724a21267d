"""Shapes of training: the recipes' forms, a run, and what is told while it runs."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medportal.jobs.serializers import JobSerializer
from medportal.training.evaluations.serializers import EVENTS as EVALUATION_EVENTS
from medportal.training.models import TrainingRun


class RecipeFieldSerializer(serializers.Serializer[Any]):
    """One setting of a recipe."""

    name = serializers.CharField()
    type = serializers.ChoiceField(choices=["integer", "number", "boolean", "choice", "text"])
    group = serializers.ChoiceField(choices=["network", "training", "data", "augmentation", "verdict", "control"])
    default = serializers.JSONField(allow_null=True)
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)
    choices = serializers.ListField(child=serializers.CharField(), allow_null=True)
    help = serializers.CharField()


class RecipeSerializer(serializers.Serializer[Any]):
    """A declared way of training, and the form that its settings make."""

    name = serializers.CharField()
    task = serializers.CharField()
    title = serializers.CharField()
    kinds = serializers.ListField(child=serializers.CharField(), help_text="Kinds of cohort that it learns from")
    headline = serializers.CharField(help_text="The figure that tells how good a run is")
    more_is_better = serializers.BooleanField(
        help_text="Of the headline; of every other figure that can be preset it is"
    )
    fields_ = RecipeFieldSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        """Name the last field `fields`, a word that DRF keeps for itself."""
        declared = super().get_fields()
        declared["fields"] = declared.pop("fields_")
        return declared


class TrainingUsageSerializer(serializers.Serializer[Any]):
    """What a training uses of its machine, and for how long it will."""

    eta_s = serializers.FloatField(allow_null=True, help_text="Expected time to the end, seconds")
    memory_gb = serializers.FloatField(help_text="Memory that the process holds itself")
    load = serializers.FloatField(allow_null=True, help_text="Load of the processors, 1 is full")
    gpu_memory_gb = serializers.FloatField(required=False, help_text="Most memory that it has had of the GPU")
    gpu_load = serializers.FloatField(required=False)


class EpochSerializer(TrainingUsageSerializer):
    """The figures of one finished epoch."""

    epoch = serializers.IntegerField(help_text="From 1")
    epochs = serializers.IntegerField(help_text="How many there will be at most")
    losses = serializers.DictField(
        child=serializers.FloatField(allow_null=True), help_text="Means over the epoch's steps"
    )
    figures = serializers.DictField(
        child=serializers.FloatField(allow_null=True), help_text="Of the validation split; which, the recipe decides"
    )
    confusion = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        allow_null=True,
        required=False,
        help_text="Classification: samples by class, truth in rows, prediction in columns",
    )
    kept_epoch = serializers.IntegerField(
        required=False, help_text="Whose weights are kept if the run ends with this epoch: with patience the best's"
    )
    seconds = serializers.FloatField()


class TrainingSerializer(serializers.ModelSerializer[TrainingRun]):
    """A training run: its job, what it was told, each epoch's figures, and what came of it."""

    job = JobSerializer()
    cohort = serializers.CharField(source="cohort_version.cohort.name")
    cohort_version = serializers.IntegerField(source="cohort_version.number")
    model = serializers.CharField(source="model_name")
    config = serializers.DictField()
    history = EpochSerializer(many=True)
    metrics = serializers.DictField(help_text="Of the test split; empty until the end")

    class Meta:
        model = TrainingRun
        fields = ("job", "cohort", "cohort_version", "recipe", "config", "model", "version", "history", "metrics")


class TrainingFilterSerializer(serializers.Serializer[Any]):
    """Which trainings to list; all where nothing is said."""

    search = serializers.CharField(required=False, allow_blank=True, max_length=200, help_text="Words; all must occur")
    cohort = serializers.SlugField(max_length=80, required=False)
    version = serializers.IntegerField(min_value=1, required=False, help_text="Of the cohort")
    control_of = serializers.UUIDField(required=False, help_text="A training: those that are controls of it")


class NewPreviewSerializer(serializers.Serializer[Any]):
    """Which samples to show, and how they are varied."""

    id = serializers.UUIDField(help_text="Made by the caller: the same id again is the same job")
    cohort = serializers.SlugField(max_length=80)
    cohort_version = serializers.IntegerField(min_value=1, required=False, help_text="By default the newest")
    recipe = serializers.CharField(max_length=40)
    settings = serializers.DictField(required=False, help_text="Settings of the recipe that differ from its defaults")


class NewTrainingSerializer(NewPreviewSerializer):
    """What to train, on what, and how."""

    model = serializers.SlugField(max_length=80)


class TrainingStageSerializer(serializers.Serializer[Any]):
    """What the training does now."""

    stage = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)


class PreviewSerializer(serializers.Serializer[Any]):
    """A picture of a sample."""

    kind = serializers.CharField(
        help_text="sample, right, wrong, mask, box, reconstruction, generated, untouched, varied"
    )
    caption = serializers.CharField(allow_blank=True)
    png = serializers.CharField(help_text="PNG, base64")


class AugmentationRowSerializer(serializers.Serializer[Any]):
    """A training sample, first untouched, then varied by one augmentation alone."""

    setting = serializers.CharField(help_text="The augmentation's setting")
    previews = PreviewSerializer(many=True)


class TrainingPreviewsSerializer(serializers.Serializer[Any]):
    """What the network makes of a few validation samples now; of a preview job, augmented training samples."""

    previews = PreviewSerializer(many=True)
    rows = AugmentationRowSerializer(many=True, required=False, help_text="Of a preview job: each augmentation alone")


class RecipeFilterSerializer(serializers.Serializer[Any]):
    """For which cohort the recipes' defaults are wanted, and with which of the settings that others hang on."""

    cohort = serializers.SlugField(max_length=80, required=False)
    version = serializers.IntegerField(min_value=1, required=False, help_text="By default the newest")
    dimensions = serializers.ChoiceField(choices=[2, 3], required=False, help_text="What the network is to see")


class TrainingLogSerializer(serializers.Serializer[Any]):
    """A line of the training's own log."""

    message = serializers.CharField()


class TrainingFinishedSerializer(serializers.Serializer[Any]):
    """What came of a training."""

    model = serializers.CharField()
    version = serializers.IntegerField(allow_null=True, help_text="Null for a control, which is not entered in the zoo")
    metrics = serializers.DictField()


class TrainingChangedSerializer(serializers.Serializer[Any]):
    """A training run as it is after its job's state has changed."""

    training = TrainingSerializer()


EVENTS = {
    "training.changed": TrainingChangedSerializer,
    "epoch.finished": EpochSerializer,
    "training.stage": TrainingStageSerializer,
    "training.usage": TrainingUsageSerializer,
    "training.log": TrainingLogSerializer,
    "training.previews": TrainingPreviewsSerializer,
    "training.finished": TrainingFinishedSerializer,
    **EVALUATION_EVENTS,
}
