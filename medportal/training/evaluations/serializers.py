"""Shapes of evaluations: the order, what the list shows, and the whole document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medportal.cohorts.models import Split
from medportal.jobs.serializers import JobSerializer
from medportal.training.models import Evaluation


class FigureSerializer(serializers.Serializer[Any]):
    """A figure with its 95 % interval by group."""

    value = serializers.FloatField(allow_null=True, help_text="Null where it is not defined")
    low = serializers.FloatField(allow_null=True, help_text="Null where there are too few groups to tell")
    high = serializers.FloatField(allow_null=True)


class EvaluationSerializer(serializers.ModelSerializer[Evaluation]):
    """An evaluation: its job, what was evaluated on what, and its figures once there are any."""

    job = JobSerializer(allow_null=True)
    model = serializers.CharField(source="model_name")
    version = serializers.IntegerField(source="model_version")
    sha256 = serializers.CharField(source="model_sha256", help_text="Of the network that was evaluated")
    cohort = serializers.CharField(source="cohort_version.cohort.name")
    cohort_version = serializers.IntegerField(source="cohort_version.number")
    is_finished = serializers.SerializerMethodField(help_text="Whether there is a document")
    task = serializers.SerializerMethodField(help_text="Empty until it is finished")
    n = serializers.SerializerMethodField(help_text="Series evaluated")
    groups = serializers.SerializerMethodField(help_text="Patients, or other groups, that they are of")
    metrics = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)

    class Meta:
        model = Evaluation
        fields = (
            "id",
            "job",
            "model",
            "version",
            "sha256",
            "cohort",
            "cohort_version",
            "split",
            "is_finished",
            "task",
            "n",
            "groups",
            "metrics",
            "created_by",
            "created_at",
        )

    def get_is_finished(self, evaluation: Evaluation) -> bool:
        """Say whether there is a document."""
        return bool(evaluation.document)

    def get_task(self, evaluation: Evaluation) -> str:
        """Return the model's task."""
        return str(evaluation.document.get("task", ""))

    def get_n(self, evaluation: Evaluation) -> int:
        """Return how many series are in the figures."""
        return int(evaluation.document.get("n", 0))

    def get_groups(self, evaluation: Evaluation) -> int:
        """Return how many groups are in the figures."""
        return int(evaluation.document.get("groups", 0))

    @extend_schema_field(serializers.DictField(child=FigureSerializer()))
    def get_metrics(self, evaluation: Evaluation) -> dict[str, Any]:
        """Return the figures by name."""
        figures: dict[str, Any] = evaluation.document.get("metrics", {})
        return figures


class EvaluationFilterSerializer(serializers.Serializer[Any]):
    """Which evaluations to list; all where nothing is said."""

    model = serializers.SlugField(max_length=80, required=False)
    version = serializers.IntegerField(min_value=1, required=False)
    cohort = serializers.SlugField(max_length=80, required=False)


class NewEvaluationSerializer(serializers.Serializer[Any]):
    """Which model to evaluate on what."""

    id = serializers.UUIDField(help_text="Made by the caller: the same id again is the same evaluation")
    model = serializers.SlugField(max_length=80)
    version = serializers.IntegerField(
        min_value=1, required=False, help_text="By default the one in production, or the newest where none is"
    )
    cohort = serializers.SlugField(max_length=80)
    cohort_version = serializers.IntegerField(min_value=1, required=False, help_text="By default the newest")
    split = serializers.ChoiceField(choices=Split.choices, default=Split.TEST)
    worth = serializers.BooleanField(
        required=False,
        help_text="Of a generator of several classes: let classifiers learn from its images, which takes minutes",
    )


class CaseSerializer(serializers.Serializer[Any]):
    """A series of which the model was wrong, or nearly so."""

    series_uid = serializers.CharField()
    study_uid = serializers.CharField()
    group = serializers.CharField()
    truth = serializers.CharField(allow_blank=True)
    prediction = serializers.CharField(allow_blank=True)
    score = serializers.FloatField(allow_null=True)
    loss = serializers.FloatField(help_text="The greater, the worse; its scale is the task's")
    slice = serializers.IntegerField(help_text="Where to look: place in the stack, from 0")


class SubgroupSerializer(serializers.Serializer[Any]):
    """The figures of some of the series."""

    value = serializers.CharField(allow_blank=True, help_text="Empty: not known")
    n = serializers.IntegerField()
    groups = serializers.IntegerField()
    metrics = serializers.DictField(child=FigureSerializer())


class ConfusionSerializer(serializers.Serializer[Any]):
    """How often each class was called each class."""

    classes = serializers.ListField(child=serializers.CharField())
    counts = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()), help_text="Truth in rows, called in columns"
    )


class ReliabilityBinSerializer(serializers.Serializer[Any]):
    """Samples of which about the same was claimed."""

    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()
    confidence = serializers.FloatField(help_text="Mean of what was claimed")
    frequency = serializers.FloatField(help_text="How often it was so")


class CalibrationSerializer(serializers.Serializer[Any]):
    """Whether probabilities mean what they say."""

    bins = ReliabilityBinSerializer(many=True)


class SliceFiguresSerializer(serializers.Serializer[Any]):
    """The figures of single slices, where these have labels of their own."""

    n = serializers.IntegerField()
    metrics = serializers.DictField(child=FigureSerializer())


class FailedSeriesSerializer(serializers.Serializer[Any]):
    """A series that is in no figure, and why."""

    series_uid = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class SampleSerializer(serializers.Serializer[Any]):
    """A generated image, synthetic."""

    caption = serializers.CharField(allow_blank=True, help_text="Its class")
    side = serializers.IntegerField(help_text="Rows and columns")
    grey = serializers.CharField(help_text="A byte for each pixel, base64")


class SeenSerializer(serializers.Serializer[Any]):
    """How much of what was evaluated the model's training had: then the figures say nothing of other images."""

    series = serializers.IntegerField()
    groups = serializers.IntegerField()


class WorthSerializer(serializers.Serializer[Any]):
    """How good a classifier is, on real images, that has learnt from these."""

    training_images = serializers.IntegerField()
    measured_images = serializers.IntegerField()
    metrics = serializers.DictField(child=FigureSerializer())


class EvaluationDocumentSerializer(serializers.Serializer[Any]):
    """All that is known of how good a model is on a split: `learning.evaluation.build_document`."""

    format = serializers.IntegerField()
    task = serializers.CharField()
    kind = serializers.CharField(help_text="Kind of the cohort")
    model = serializers.CharField()
    version = serializers.IntegerField()
    sha256 = serializers.CharField()
    cohort = serializers.CharField()
    cohort_version = serializers.IntegerField()
    horizon_days = serializers.FloatField(
        allow_null=True, required=False, help_text="The horizon of the cohort's labels, where they are outcomes"
    )
    split = serializers.CharField()
    provider = serializers.CharField(help_text="The execution provider that ran the model")
    evaluated_at = serializers.CharField()
    seconds = serializers.FloatField()
    n = serializers.IntegerField()
    groups = serializers.IntegerField()
    classes = serializers.ListField(child=serializers.CharField())
    metrics = serializers.DictField(child=FigureSerializer())
    per_class = serializers.DictField(child=serializers.DictField(child=FigureSerializer()))
    subgroups = serializers.DictField(child=SubgroupSerializer(many=True))
    cases = CaseSerializer(many=True, help_text="The worst first")
    failed = FailedSeriesSerializer(many=True)
    controls = serializers.DictField(
        child=serializers.DictField(child=FigureSerializer()),
        help_text="Figures of controls trained by the same recipe, as there are now",
    )
    curves = serializers.DictField(
        child=serializers.DictField(
            child=serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
        ),
        required=False,
        help_text="roc, pr, froc: by class, points (x, y)",
    )
    threshold = serializers.FloatField(allow_null=True, required=False)
    confusion = ConfusionSerializer(required=False)
    calibration = CalibrationSerializer(required=False)
    slices = SliceFiguresSerializer(required=False)
    units = serializers.DictField(child=serializers.CharField(), required=False)
    samples = SampleSerializer(many=True, required=False)
    worth = serializers.DictField(
        child=WorthSerializer(), required=False, help_text="real, generated, both: by what the classifier learnt from"
    )
    seen_in_training = SeenSerializer(required=False, help_text="Of models that were trained here")


class EvaluationChangedSerializer(serializers.Serializer[Any]):
    """An evaluation as it is after its job's state has changed."""

    evaluation = EvaluationSerializer()


EVENTS = {"evaluation.changed": EvaluationChangedSerializer}
