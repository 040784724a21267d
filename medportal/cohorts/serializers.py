"""Shapes of cohorts: the selection that comes in, the frozen version that comes out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medportal.cohorts.models import Cohort, CohortVersion, Kind


class FingerprintSerializer(serializers.Serializer[Any]):
    """What the images of a version are like: medians over its training series, and what there is in all."""

    series = serializers.IntegerField(required=False)
    groups = serializers.IntegerField(required=False)
    slices = serializers.FloatField(required=False)
    rows = serializers.FloatField(required=False)
    columns = serializers.FloatField(required=False)
    spacing_mm_zyx = serializers.ListField(child=serializers.FloatField(), allow_null=True, required=False)
    modalities = serializers.ListField(child=serializers.CharField(), required=False)
    manufacturers = serializers.ListField(child=serializers.CharField(), required=False)
    channels = serializers.IntegerField(required=False, help_text="3 where any series is in colour")
    bits = serializers.IntegerField(required=False)
    series_of_split = serializers.DictField(child=serializers.IntegerField(), required=False)
    box_px = serializers.ListField(child=serializers.FloatField(), allow_null=True, required=False)
    horizon_days = serializers.FloatField(
        allow_null=True, required=False, help_text="The horizon of the labels, where they are outcomes of patients"
    )
    box_mm = serializers.ListField(child=serializers.FloatField(), allow_null=True, required=False)

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Write the fields that there are: versions of earlier releases have none."""
        return {name: value for name, value in instance.items() if name in self.fields}


class FindingSerializer(serializers.Serializer[Any]):
    """Something that would make figures untrue, or training fail."""

    code = serializers.CharField()
    severity = serializers.ChoiceField(choices=("error", "warning", "note"))
    detail = serializers.CharField()


class NearDuplicateSerializer(serializers.Serializer[Any]):
    """Two series in different splits that look alike."""

    series = serializers.ListField(child=serializers.CharField(), help_text="Their SeriesInstanceUIDs")
    splits = serializers.ListField(child=serializers.CharField())
    distance = serializers.IntegerField(help_text="Bits of 64 that differ")


class CheckSerializer(serializers.Serializer[Any]):
    """What was found of leakage, balance and shortcuts when a version was frozen, or looked at since."""

    findings = FindingSerializer(many=True, required=False)
    balance = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        required=False,
        help_text="Split → class → number of series that are of it, or have slices that are",
    )
    groups = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        required=False,
        help_text="Split → class → number of groups",
    )
    manufacturers = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        required=False,
        help_text="Class → manufacturer → number of series",
    )
    sources = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="Who has marked → number of series, where known"
    )
    near_duplicates = NearDuplicateSerializer(many=True, required=False, help_text="At most a hundred of them")
    near_duplicate_pairs = serializers.IntegerField(required=False)
    unhashed = serializers.IntegerField(required=False, help_text="Series not yet compared with the others")

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Write the fields that there are: versions of earlier releases have none."""
        wanted = ("findings",) if self.context.get("is_list") else self.fields
        return {name: value for name, value in instance.items() if name in wanted}


class CohortVersionSerializer(serializers.ModelSerializer[CohortVersion]):
    """A frozen content, and how many series of each class each split has."""

    cohort = serializers.CharField(source="cohort.name", read_only=True)
    classes = serializers.ListField(child=serializers.CharField())
    counts = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()), help_text="Split → class → number of series"
    )
    patients = serializers.DictField(child=serializers.IntegerField(), help_text="Split → number of patients")
    fingerprint = FingerprintSerializer()
    check = CheckSerializer(source="check_report")
    created_by: Any = serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = CohortVersion
        fields = (
            "cohort",
            "number",
            "content_hash",
            "kind",
            "classes",
            "is_trainable",
            "counts",
            "patients",
            "fingerprint",
            "check",
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
    """How large a part of the patients each split gets; they add up to one. A part of 0 leaves the split out."""

    train = serializers.FloatField(min_value=0, max_value=1)
    validation = serializers.FloatField(min_value=0, max_value=1)
    test = serializers.FloatField(min_value=0, max_value=1)


class SearchSerializer(serializers.Serializer[Any]):
    """Studies as the worklist finds them; every study where nothing is said."""

    search = serializers.CharField(required=False, allow_blank=True, max_length=200)
    modality = serializers.CharField(required=False, allow_blank=True, max_length=16)
    ai_status = serializers.CharField(required=False, allow_blank=True, max_length=10)
    date_from = serializers.CharField(required=False, allow_blank=True, max_length=8)
    date_to = serializers.CharField(required=False, allow_blank=True, max_length=8)


class NewDatasetSerializer(serializers.Serializer[Any]):
    """A data set to import: the file, and how to read it (as `manage.py import_dataset` has it)."""

    id = serializers.UUIDField(help_text="Made by the caller: the same again is the same job")
    file = serializers.FileField(help_text="A ZIP of the data set's folder; of arrays, the NPZ")
    format = serializers.ChoiceField(
        choices=("imagefolder", "csv", "masks", "voc", "coco", "npz", "nifti", "dicom"),
        help_text="Of a CSV: the ZIP holds the table at its top, and the images under the paths that it names",
    )
    cohort = serializers.SlugField(max_length=80, help_text="The cohort whose next version this makes")
    title = serializers.CharField(max_length=160, required=False, allow_blank=True)
    description = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    split = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        help_text="train=.7,validation=.15,test=.15 | column:NAME | all:test",
    )
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    classes = serializers.CharField(
        max_length=4000, required=False, allow_blank=True, help_text="Joined by commas, the negative one first"
    )
    group_column = serializers.CharField(max_length=100, required=False, allow_blank=True)
    path_column = serializers.CharField(max_length=100, required=False, allow_blank=True)
    label_column = serializers.CharField(max_length=100, required=False, allow_blank=True)
    label_columns = serializers.CharField(
        max_length=4000, required=False, allow_blank=True, help_text="Joined by commas"
    )
    where = serializers.ListField(
        child=serializers.CharField(max_length=400), required=False, max_length=20, help_text="COLUMN=VALUE, each"
    )
    table = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="A CSV in the ZIP that tells of groups and splits"
    )
    instances = serializers.BooleanField(default=False, help_text="Each number of a mask is one object")
    multi_label = serializers.BooleanField(default=False, help_text="Labels of NPZ that are 0 or 1 may stand together")
    images_only = serializers.BooleanField(default=False, help_text="Leave labels, masks and boxes out")
    modality = serializers.RegexField(r"^[A-Z0-9_ ]{0,16}$", required=False, allow_blank=True)
    synthetic = serializers.BooleanField(default=False, help_text="Mark the images as made, not measured")
    scheme = serializers.CharField(max_length=60, required=False, allow_blank=True)
    issuer = serializers.CharField(max_length=64, required=False, allow_blank=True)


class NewOutcomesSerializer(serializers.Serializer[Any]):
    """What became of patients: a table, and what is asked of it (as `manage.py import_outcomes` has it)."""

    file = serializers.FileField(help_text="A CSV with a line for each patient")
    scheme = serializers.CharField(max_length=60, help_text="The label scheme to write, such as death-1y")
    horizon_days = serializers.FloatField(help_text="Within how many days the event counts")
    patient = serializers.CharField(max_length=100, required=False, help_text="Column of the PatientIDs: patient")
    time_days = serializers.CharField(
        max_length=100,
        required=False,
        help_text="Column of the days until the event, or until the last sight: time_days",
    )
    event = serializers.CharField(
        max_length=100, required=False, help_text="Column that says whether the event came (1) or not (0): event"
    )


class RefusedSerializer(serializers.Serializer[Any]):
    """What was left out, and why."""

    item = serializers.CharField()
    reason = serializers.CharField()


class OutcomesReportSerializer(serializers.Serializer[Any]):
    """How many patients were labelled with what, and who was left out."""

    scheme = serializers.CharField()
    horizon_days = serializers.FloatField()
    patients = serializers.IntegerField(help_text="Patients that were labelled")
    yes = serializers.IntegerField(help_text="Of them, those who had the event within the horizon")
    no = serializers.IntegerField()
    censored = serializers.IntegerField(help_text="Lost sight of before the horizon without the event: not labelled")
    studies = serializers.IntegerField(help_text="Studies of the patients that were labelled")
    new_labels = serializers.IntegerField(help_text="Labels that were not there before")
    refused = RefusedSerializer(many=True, help_text="At most a thousand of them")
    refused_in_all = serializers.IntegerField()


class NewCohortVersionSerializer(serializers.Serializer[Any]):
    """What to choose, what is to be learnt of it, and how to split the patients."""

    name = serializers.SlugField(max_length=80)
    title = serializers.CharField(max_length=160, required=False, allow_blank=True)
    description = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    series = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=20_000, help_text="SeriesInstanceUIDs"
    )
    studies = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=20_000, help_text="StudyInstanceUIDs"
    )
    search = SearchSerializer(required=False)
    kind = serializers.ChoiceField(choices=Kind.choices, default=Kind.CLASSES)
    scheme = serializers.CharField(
        max_length=60, required=False, help_text="The label scheme that gives each series its classes"
    )
    classes = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        max_length=1000,
        help_text="The negative class first; without it, those that occur",
    )
    split = SplitFractionsSerializer(required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    include_model_marks = serializers.BooleanField(
        required=False, help_text="Take what models have marked for true where nobody else has marked anything"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require a scheme where labels are learnt, and two classes where one of them is."""
        if attrs["kind"] in (Kind.CLASSES, Kind.MULTI_LABEL) and not attrs.get("scheme"):
            raise serializers.ValidationError({"scheme": "Labels are of a scheme."})
        if attrs["kind"] == Kind.CLASSES and len(attrs.get("classes", (1, 2))) < 2:
            raise serializers.ValidationError({"classes": "One class cannot be told from itself: name two or more."})
        return attrs
