"""Shapes of analyses: the order, the job with its result, and the pieces that stream while it runs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medportal.analysis.generating import MAX_COUNT, USUAL_COUNT
from medportal.analysis.models import Analysis
from medportal.analysis.nearest import MAX_LIMIT, USUAL_LIMIT
from medportal.annotations.serializers import AnnotationSetSerializer, VerdictSerializer
from medportal.jobs.serializers import JobSerializer


class GenerationParametersSerializer(serializers.Serializer[Any]):
    """What a model that generates is asked to make."""

    count = serializers.IntegerField(
        min_value=1, max_value=MAX_COUNT, required=False, help_text=f"Number of images; by default {USUAL_COUNT}"
    )
    seed = serializers.IntegerField(
        min_value=0, max_value=2**32 - 1, required=False, help_text="By default one made of the id"
    )

    def get_fields(self) -> dict[str, Any]:
        """Return the fields, one of which bears a name that is a word of the language."""
        label = serializers.CharField(
            max_length=60, required=False, allow_null=True, help_text="By default all classes in turn"
        )
        return {**super().get_fields(), "class": label}


class AnalysisSerializer(serializers.ModelSerializer[Analysis]):
    """A model version run on a series, or to make one: its job, and its result once there is one."""

    job = JobSerializer()
    study_instance_uid = serializers.CharField(
        source="series.study.study_instance_uid",
        allow_null=True,
        default=None,
        help_text="Of a model that generates: of the study that it has made, null before the end",
    )
    series_instance_uid = serializers.CharField(source="series.series_instance_uid", allow_null=True, default=None)
    model = serializers.CharField(source="model_version.model.name")
    version = serializers.IntegerField(source="model_version.number")
    task = serializers.CharField(source="model_version.model.task")
    precision = serializers.CharField(help_text="Empty: the network as it was trained; else fp16 or int8")
    parameters = serializers.SerializerMethodField(help_text="Of a model that generates; else null")
    result = AnnotationSetSerializer(source="annotation_set", allow_null=True)

    class Meta:
        model = Analysis
        fields = (
            "job",
            "study_instance_uid",
            "series_instance_uid",
            "model",
            "version",
            "task",
            "precision",
            "parameters",
            "result",
        )

    @extend_schema_field(GenerationParametersSerializer(allow_null=True))
    def get_parameters(self, analysis: Analysis) -> dict[str, Any] | None:
        """Return what was asked for, of a model that generates."""
        return analysis.parameters or None


class NewAnalysisSerializer(serializers.Serializer[Any]):
    """Which model to run on which series."""

    id = serializers.UUIDField(help_text="Made by the caller: the same id again is the same analysis")
    series_instance_uid = serializers.CharField(
        max_length=64, required=False, help_text="For every model but those that generate"
    )
    model = serializers.SlugField(max_length=80)
    version = serializers.IntegerField(
        min_value=1, required=False, help_text="By default the one in production, or the newest where none is"
    )
    precision = serializers.ChoiceField(
        choices=["fp16", "int8"], required=False, help_text="One of the version's variants; by default none of them"
    )
    parameters = GenerationParametersSerializer(required=False, help_text="For models that generate")


class SimilarFilterSerializer(serializers.Serializer[Any]):
    """How to look for similar cases."""

    model = serializers.SlugField(
        max_length=80, required=False, help_text="By default the team's choice, or the newest in production that fits"
    )
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=USUAL_LIMIT)
    same_patient = serializers.BooleanField(default=False, help_text="Whether the patient's own series are among them")


class CaseLabelSerializer(serializers.Serializer[Any]):
    """The newest label of a scheme that a series, or its study as a whole, has."""

    scheme = serializers.CharField()
    value = serializers.CharField()
    source: Any = serializers.CharField()


class SimilarCaseSerializer(serializers.Serializer[Any]):
    """A series that lies near the one that was asked about."""

    study_instance_uid = serializers.CharField(source="series.study.study_instance_uid")
    series_instance_uid = serializers.CharField(source="series.series_instance_uid")
    similarity = serializers.FloatField(help_text="Cosine of the angle between the embeddings: 1 is the same")
    patient_id = serializers.CharField(source="series.study.patient.patient_id")
    study_date = serializers.CharField(source="series.study.study_date")
    study_description = serializers.CharField(source="series.study.study_description")
    series_description = serializers.CharField(source="series.series_description")
    modality = serializers.CharField(source="series.modality")
    number_of_frames = serializers.IntegerField(source="series.number_of_frames")
    is_synthetic = serializers.BooleanField(source="series.is_synthetic")
    thumbnail_revision = serializers.IntegerField(source="series.thumbnail_revision")
    labels = CaseLabelSerializer(many=True)


class SimilarSerializer(serializers.Serializer[Any]):
    """The nearest series, the nearest first."""

    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number")
    compared = serializers.IntegerField(help_text="Among how many embeddings they were looked for")
    series = SimilarCaseSerializer(source="cases", many=True)


class SimilarPendingSerializer(serializers.Serializer[Any]):
    """The job that makes the series' embedding: ask again when it has succeeded."""

    job = JobSerializer()


class SimilarCasesSerializer(serializers.Serializer[Any]):
    """How the team looks for similar cases, and how many of its series can be found."""

    is_on_arrival = serializers.BooleanField(help_text="Whether series are embedded as they come in")
    wanted_model = serializers.CharField(allow_blank=True, help_text="Empty: the newest in production that has any")
    model = serializers.CharField(help_text="The model that is preferred now; empty where there is none")
    version = serializers.IntegerField(allow_null=True)
    embedded = serializers.IntegerField(help_text="Series that it has placed")
    series = serializers.IntegerField(help_text="The team's series that hold images")


class SimilarCasesChangeSerializer(serializers.Serializer[Any]):
    """What is to be otherwise."""

    is_on_arrival = serializers.BooleanField(required=False)
    wanted_model = serializers.CharField(required=False, allow_blank=True, max_length=80)


class NewEmbeddingSerializer(serializers.Serializer[Any]):
    """Which series to place, by which model."""

    id = serializers.UUIDField(help_text="Made by the caller: the same id again is the same job")
    model = serializers.SlugField(max_length=80, required=False, help_text="By default those that fit each series")
    version = serializers.IntegerField(min_value=1, required=False)
    cohort = serializers.CharField(max_length=120, required=False, help_text="By default all of the team's series")


class AnalysisFilterSerializer(serializers.Serializer[Any]):
    """Which analyses to list; all where nothing is said."""

    study = serializers.CharField(required=False, max_length=64, help_text="StudyInstanceUID")
    series = serializers.CharField(required=False, max_length=64, help_text="SeriesInstanceUID")


class AnalysisChangedSerializer(serializers.Serializer[Any]):
    """An analysis of the study as it is now."""

    analysis = AnalysisSerializer()


class PieceBoxSerializer(serializers.Serializer[Any]):
    """A box that was found, in the series' stack, in voxel-edge coordinates: voxel i reaches from i to i + 1."""

    label: Any = serializers.CharField()
    low = serializers.ListField(child=serializers.FloatField(), help_text="[slice, row, column]")
    high = serializers.ListField(child=serializers.FloatField(), help_text="[slice, row, column]")
    score = serializers.FloatField()


class LayerSerializer(serializers.Serializer[Any]):
    """A picture over (or instead of) a frame, which is a part of the payload."""

    kind = serializers.ChoiceField(choices=["activation", "mask", "anomaly", "reconstruction", "generated"])
    shape = serializers.ListField(child=serializers.IntegerField(), help_text="Rows and columns, of colours then 3")
    dtype = serializers.CharField(help_text="uint8")
    region = serializers.ListField(
        child=serializers.FloatField(),
        help_text="Box of the frame that it covers, in pixels: first row, first column, end row, end column",
    )
    scale = serializers.FloatField(help_text="What 255 means; of a mask the values are numbers of segments")
    offset = serializers.IntegerField(help_text="Where its bytes begin in the payload")
    length = serializers.IntegerField(help_text="How many bytes they are; each layer is deflated by itself")


class SlicePredictedSerializer(serializers.Serializer[Any]):
    """The header of a binary piece: what the model says of one frame; the payload holds the layers."""

    index = serializers.IntegerField(help_text="Place in the stack, from 0")
    count = serializers.IntegerField(help_text="How many frames the series has")
    sop_instance_uid = serializers.CharField()
    frame = serializers.IntegerField(help_text="Number of the frame in its instance, from 1")
    label: Any = serializers.CharField(help_text="Of a generated image: the class that was asked for")
    probability = serializers.FloatField(
        help_text="Of any class but the first; of the best box; part of the frame in a segment; or the anomaly's score"
    )
    probabilities = serializers.ListField(
        child=serializers.FloatField(), help_text="Each class's; of an autoencoder its mean squared error"
    )
    boxes = PieceBoxSerializer(many=True)
    layers = LayerSerializer(many=True)
    encoding = serializers.ChoiceField(choices=["raw", "deflate"], help_text="deflate: zlib streams (RFC 1950)")
    shape = serializers.ListField(child=serializers.IntegerField(), help_text="Of the first layer; empty without one")
    dtype = serializers.CharField(help_text="Of the first layer")
    region = serializers.ListField(child=serializers.FloatField(), help_text="Of the first layer; empty without one")
    scale = serializers.FloatField(help_text="Of the first layer")


class SeriesVerdictSerializer(VerdictSerializer):
    """What the model says of the series."""

    provider = serializers.CharField(help_text="The execution provider that was really used")
    model = serializers.CharField()
    version = serializers.IntegerField()
    precision = serializers.CharField(help_text="Empty: the network as it was trained; else fp16 or int8")
    seconds = serializers.FloatField()


class ImagesGeneratedSerializer(GenerationParametersSerializer):
    """What a model has made, and where it is kept."""

    study_instance_uid = serializers.CharField()
    series_instance_uid = serializers.CharField()
    provider = serializers.CharField()
    model = serializers.CharField()
    version = serializers.IntegerField()
    precision = serializers.CharField()
    seconds = serializers.FloatField()


EVENTS = {
    "analysis.changed": AnalysisChangedSerializer,
    "slice.predicted": SlicePredictedSerializer,
    "series.verdict": SeriesVerdictSerializer,
    "images.generated": ImagesGeneratedSerializer,
}
