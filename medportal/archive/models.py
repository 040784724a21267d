"""Patient, Study, Series, Instance (PS3.3 A.1.2), each owned by a team; UIDs are unique per team."""

from __future__ import annotations

from django.db import models

from medportal.accounts.models import Team


class Patient(models.Model):
    """A patient as the objects name one; the same PatientID in two teams is two rows.

    So is the same PatientID under two names: whether they are one person is for people to say, not for an import.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="patients")
    patient_id = models.CharField(max_length=64, blank=True)
    issuer_of_patient_id = models.CharField(max_length=64, blank=True)
    # PN as in the object: `family^given^…`, component groups joined by `=`.
    patient_name = models.CharField(max_length=330, blank=True)
    patient_birth_date = models.CharField(max_length=8, blank=True)
    patient_sex = models.CharField(max_length=16, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "patient_id", "issuer_of_patient_id", "patient_name", "patient_birth_date"],
                name="patient_once_per_team",
            )
        ]

    def __str__(self) -> str:
        return self.patient_id


class AiStatus(models.TextChoices):
    """What models have made of a study, for the worklist."""

    NONE = "", "None"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "Failed"


class Study(models.Model):
    """A study, with the worklist's cells beside the DICOM attributes."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="studies")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="studies")
    study_instance_uid = models.CharField(max_length=64)
    study_id = models.CharField(max_length=64, blank=True)
    study_date = models.CharField(max_length=8, blank=True)
    study_time = models.CharField(max_length=16, blank=True)
    study_description = models.CharField(max_length=64, blank=True)
    accession_number = models.CharField(max_length=64, blank=True)
    referring_physician_name = models.CharField(max_length=330, blank=True)

    modalities_in_study = models.JSONField(default=list)
    number_of_series = models.PositiveIntegerField(default=0)
    number_of_instances = models.PositiveIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    # Lower-case text of name, id, description, accession: what the search box looks in.
    search_text = models.TextField(blank=True)
    is_synthetic = models.BooleanField(default=False)
    # Its objects, or those of another study under the same PatientID, name another patient.
    has_conflict = models.BooleanField(default=False)
    # The series whose picture stands for the study, and which picture; set when one is made.
    thumbnail_series_uid = models.CharField(max_length=64, blank=True)
    thumbnail_revision = models.PositiveIntegerField(default=0)
    # When the team was last told that it grew.
    told_at = models.DateTimeField(null=True)
    # Cells that upper rooms fill, through `services.mark_study` alone.
    ai_status = models.CharField(max_length=10, choices=AiStatus.choices, default=AiStatus.NONE, blank=True)
    ai_summary = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "studies"
        constraints = [models.UniqueConstraint(fields=["team", "study_instance_uid"], name="study_uid_once_per_team")]
        indexes = [
            models.Index(fields=["team", "-created_at"], name="study_recent"),
            models.Index(fields=["team", "study_date", "study_time"], name="study_by_date"),
        ]

    def __str__(self) -> str:
        return self.study_instance_uid


class Series(models.Model):
    """A series; `revision` rises with each instance, so that cached documents and thumbnails know their age."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="series")
    series_instance_uid = models.CharField(max_length=64)
    series_number = models.IntegerField(null=True)
    series_description = models.CharField(max_length=64, blank=True)
    modality = models.CharField(max_length=16, blank=True)
    body_part_examined = models.CharField(max_length=16, blank=True)
    frame_of_reference_uid = models.CharField(max_length=64, blank=True)
    manufacturer = models.CharField(max_length=64, blank=True)
    number_of_instances = models.PositiveIntegerField(default=0)
    number_of_frames = models.PositiveIntegerField(default=0)
    is_synthetic = models.BooleanField(default=False)
    # The transfer syntaxes that occur in it: what the viewer can show depends on them.
    transfer_syntax_uids = models.JSONField(default=list)
    # Why the viewer cannot show it as a stack (`rows.py`); empty when it can.
    reason_not_displayable = models.CharField(max_length=24, blank=True)
    revision = models.PositiveIntegerField(default=0)
    # Which revision the finished thumbnail shows; 0 is none.
    thumbnail_revision = models.PositiveIntegerField(default=0)
    # Asked for and not begun: what comes in meanwhile need not ask again.
    thumbnail_is_due = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "series"
        constraints = [models.UniqueConstraint(fields=["team", "series_instance_uid"], name="series_uid_once_per_team")]
        ordering = ["series_number", "id"]

    def __str__(self) -> str:
        return self.series_instance_uid


class Instance(models.Model):
    """A stored object: where its bytes lie, and where in them each frame begins."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="instances")
    sop_instance_uid = models.CharField(max_length=64)
    sop_class_uid = models.CharField(max_length=64)
    transfer_syntax_uid = models.CharField(max_length=64)
    instance_number = models.IntegerField(null=True)
    rows = models.PositiveIntegerField(null=True)
    columns = models.PositiveIntegerField(null=True)
    number_of_frames = models.PositiveIntegerField(default=0)
    bits_allocated = models.PositiveSmallIntegerField(null=True)
    photometric_interpretation = models.CharField(max_length=16, blank=True)
    # Position along the stack's normal, mm (PS3.3 C.7.6.2.1.1); null where the object has no orientation.
    slice_position_mm = models.FloatField(null=True)

    storage_key = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    # Per frame [offset, length, offset, length, …]: byte ranges in the stored file (in the inflated one when deflated).
    frame_ranges = models.JSONField(default=list)
    # `imaging.frames.PixelDescription`; null for an object without frames.
    pixel_description = models.JSONField(null=True)
    # How frames leave (`imaging.display.served_as`); empty where they cannot be shown.
    served_as = models.CharField(max_length=8, blank=True)
    # The header as DICOM JSON (PS3.18 F), zlib-compressed; null for one so large that it is made when needed.
    header = models.BinaryField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "sop_instance_uid"], name="instance_uid_once_per_team")]
        ordering = ["instance_number", "sop_instance_uid"]

    def __str__(self) -> str:
        return self.sop_instance_uid
