"""What people and models have marked: labels, result sets with boxes and label maps, marks with their history."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from medportal.accounts.models import Team
from medportal.archive.models import Instance, Series, Study

# A label's detail says by this word that a model has made the image, not judged it.
MADE_BY = "made_by"


class Source(models.TextChoices):
    """Where a mark comes from."""

    PERSON = "person", "Person"
    IMPORT = "import", "Import"
    PHANTOM = "phantom", "Phantom (truth by construction)"
    MODEL = "model", "Model"


class Label(models.Model):
    """A class given to a study, a series or one instance (slice): `scheme` names the question, `value` the answer."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="labels")
    series = models.ForeignKey(Series, null=True, on_delete=models.CASCADE, related_name="labels")
    instance = models.ForeignKey(Instance, null=True, on_delete=models.CASCADE, related_name="labels")
    scheme = models.CharField(max_length=60)
    # Of a question with several answers at once: those that apply, joined by `|`; "" where none does.
    value = models.CharField(max_length=400, blank=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # For phantoms: the nodules of the slice or series, each with centre (LPS, mm), diameter (mm) and kind. For images
    # that a model has made: {MADE_BY: the model}, and the value is what they were to be.
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["team", "scheme", "value"], name="label_by_value")]

    def __str__(self) -> str:
        return f"{self.scheme}={self.value}"


class AnnotationSet(models.Model):
    """All that one reading of a series gave. Provenance is values, so that a model deleted later is still named."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="annotation_sets")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="annotation_sets")
    task = models.CharField(max_length=40)
    source = models.CharField(max_length=10, choices=Source.choices)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    model = models.CharField(max_length=80, blank=True)
    version = models.PositiveIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    provider = models.CharField(max_length=60, blank=True)
    parameters = models.JSONField(default=dict)
    # One result per job, however often its task is delivered.
    job_id = models.UUIDField(null=True, unique=True)
    # The series' verdict: {"value", "probability", "threshold", "positive"}.
    verdict = models.JSONField(default=dict)
    # Per slice: [{"sop_instance_uid", "frame", "probability"}], in stack order.
    slices = models.JSONField(default=list)
    # `imaging.marks.Box.to_json` of each box.
    boxes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.task} by {self.model or self.author}"


class LabelMap(models.Model):
    """The voxels of an annotation set: one number for each voxel of the series' stack; 0 is background.

    It is never changed: another map is another annotation set.
    """

    annotation_set = models.OneToOneField(AnnotationSet, on_delete=models.CASCADE, related_name="label_map")
    # [slices, rows, columns], in the order of `archive.reading.load_series_volume`.
    shape = models.JSONField()
    dtype = models.CharField(max_length=8, choices=[("uint8", "uint8"), ("uint16", "uint16")])
    # zlib over the voxels in little endian, C order.
    payload = models.BinaryField()
    # Of the voxels as they are before compression.
    sha256 = models.CharField(max_length=64)
    # [{"value": k, "label": name, "voxels": how many}], k from 1. Of instances: their one class, whatever an instance's number is.
    segments = models.JSONField(default=list)
    # Each number is one object, not one class.
    is_instances = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.shape} {self.sha256[:8]}"


class Space(models.TextChoices):
    """What a mark's points are counted in."""

    PATIENT = "patient", "Patient (LPS, mm)"
    IMAGE = "image", "Image (column, row, 0; pixels of the frame)"


class Act(models.TextChoices):
    """What made a revision of something drawn."""

    CREATED = "created", "Created"
    CHANGED = "changed", "Changed"
    DELETED = "deleted", "Deleted"
    RESTORED = "restored", "Restored"


class Mark(models.Model):
    """A measurement, region, arrow, point or key image, as it is now; `MarkRevision` keeps how it was.

    Points of an image are (column, row, 0) with (0, 0) at the outer corner of the first pixel, so that a pixel's centre
    lies at .5 (PS3.3 C.10.5); points of a patient are LPS in mm (PS3.3 C.7.6.2.1.1).
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="marks")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="marks")
    # Made by the browser, and so no key: another team can neither see nor block it.
    uuid = models.UUIDField()
    # "" for a mark of a plane through a volume.
    sop_instance_uid = models.CharField(max_length=64, blank=True)
    # From 1.
    frame_number = models.PositiveIntegerField(null=True)
    frame_of_reference_uid = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=16)
    space = models.CharField(max_length=8, choices=Space.choices)
    points = models.JSONField(default=list)
    # Text, finding, statistics, plane, colour: the viewer's own.
    data = models.JSONField(default=dict)
    is_hidden = models.BooleanField(default=False)
    is_locked = models.BooleanField(default=False)
    source = models.CharField(max_length=10, choices=Source.choices)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    model = models.CharField(max_length=80, blank=True)
    version = models.PositiveIntegerField(null=True)
    revision = models.PositiveIntegerField(default=1)
    is_deleted = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["team", "uuid"], name="mark_uuid_once_per_team")]

    def __str__(self) -> str:
        return f"{self.kind} {self.uuid}"


class MarkRevision(models.Model):
    """How a mark was from one change to the next: written once, never changed."""

    mark = models.ForeignKey(Mark, on_delete=models.CASCADE, related_name="revisions")
    revision = models.PositiveIntegerField()
    act = models.CharField(max_length=10, choices=Act.choices)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    # `marks.content.content_of`; of a deletion, what was deleted.
    content = models.JSONField()

    class Meta:
        ordering = ["-revision"]
        constraints = [models.UniqueConstraint(fields=["mark", "revision"], name="mark_revision_once")]

    def __str__(self) -> str:
        return f"{self.mark_id} #{self.revision} {self.act}"


class Segmentation(models.Model):
    """Segments that people draw on a series, which may overlap. Its voxels are `SegmentFrame`s, by segment and frame."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="segmentations")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="segmentations")
    # Made by the browser, and so no key: another team can neither see nor block it.
    uuid = models.UUIDField()
    title = models.CharField(max_length=120, blank=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    model = models.CharField(max_length=80, blank=True)
    version = models.PositiveIntegerField(null=True)
    # Of each frame: one segmentation lies on frames of one size.
    rows = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    revision = models.PositiveIntegerField(default=1)
    is_deleted = models.BooleanField(default=False)
    # The SOP Instance UID of the object that it was read from; "" for what was drawn here.
    sop_instance_uid = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["team", "uuid"], name="segmentation_uuid_once_per_team")]

    def __str__(self) -> str:
        return self.title or str(self.uuid)


class SegmentationRevision(models.Model):
    """One change of a segmentation: who did what, when. What it made are the rows that carry its number."""

    segmentation = models.ForeignKey(Segmentation, on_delete=models.CASCADE, related_name="revisions")
    revision = models.PositiveIntegerField()
    # The browser's name of the change: the same one again is not made again.
    change = models.UUIDField()
    act = models.CharField(max_length=12)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    # Numbers of the segments that it touched, and how many frames.
    segments = models.JSONField(default=list)
    number_of_frames = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-revision"]
        constraints = [
            models.UniqueConstraint(fields=["segmentation", "revision"], name="segmentation_revision_once"),
            models.UniqueConstraint(fields=["segmentation", "change"], name="segmentation_change_once"),
        ]

    def __str__(self) -> str:
        return f"{self.segmentation_id} #{self.revision} {self.act}"


class Segment(models.Model):
    """What a segment says of itself from one revision to the next: name, codes, colour. Written once, never changed."""

    segmentation = models.ForeignKey(Segmentation, on_delete=models.CASCADE, related_name="segments")
    # From 1 (PS3.3 C.8.20.2.3).
    number = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    is_current = models.BooleanField(default=True)
    is_deleted = models.BooleanField(default=False)
    # `segmentations.serializers.SegmentSerializer`, without number and revision.
    content = models.JSONField(default=dict)

    class Meta:
        ordering = ["number", "revision"]
        constraints = [
            models.UniqueConstraint(fields=["segmentation", "number", "revision"], name="segment_revision_once"),
            models.UniqueConstraint(
                fields=["segmentation", "number"], condition=models.Q(is_current=True), name="segment_current_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.segmentation_id} {self.number}"


class SegmentFrame(models.Model):
    """A segment's voxels on one frame from one revision to the next. Written once, never changed."""

    segmentation = models.ForeignKey(Segmentation, on_delete=models.CASCADE, related_name="frames")
    number = models.PositiveIntegerField()
    sop_instance_uid = models.CharField(max_length=64)
    # From 1.
    frame_number = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    is_current = models.BooleanField(default=True)
    # Pairs of uint32, little endian: start and length of each run, in row-major order; empty: no voxel.
    runs = models.BinaryField()

    class Meta:
        ordering = ["number", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["segmentation", "number", "sop_instance_uid", "frame_number", "revision"],
                name="segment_frame_revision_once",
            ),
        ]
        indexes = [models.Index(fields=["segmentation", "is_current"], name="segment_frames_now")]

    def __str__(self) -> str:
        return f"{self.segmentation_id} {self.number} {self.sop_instance_uid}/{self.frame_number}"
