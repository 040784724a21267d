"""Imports a data set: each image through the archive's door, its marks beside it, and the whole frozen as a cohort."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from medportal.accounts.access import role_of
from medportal.accounts.models import Role, Team, User
from medportal.annotations.models import AnnotationSet, Source
from medportal.annotations.services import SeriesLabel, label_many, save_boxes, save_mask
from medportal.archive import storage
from medportal.archive.models import Series
from medportal.archive.reading import decoder
from medportal.archive.services import Arrival, StoreResult, store_instances
from medportal.cohorts.alike import join_alike
from medportal.cohorts.datasets.files import read_bytes, within
from medportal.cohorts.datasets.items import NAMED, DataSet, Item, Loaded, telling_refused
from medportal.cohorts.datasets.reading import read_dataset
from medportal.cohorts.datasets.requests import Request, request_of
from medportal.cohorts.freezing import Choice, freeze_version
from medportal.cohorts.hashing import keep_hashes
from medportal.cohorts.models import CohortVersion, Kind
from medportal.cohorts.services import LABEL_SEPARATOR
from medportal.cohorts.uploads import open_upload
from medportal.errors import InvalidError, MedportalError, NotAllowedError, UnavailableError
from medportal.imaging.attributes import plain
from medportal.imaging.limits import MIB
from medportal.imaging.perceptual import small_picture, stack_hashes
from medportal.imaging.secondary_capture import Provenance, stack_objects, volume_objects
from medportal.imaging.windowing import apply_window, auto_window, thumbnail_jpeg
from medportal.jobs.leases import Lease, claim

# Labels and hashes are written for so many images at once.
_AT_ONCE = 100
# Or for so many bytes of pixels, which lie in memory meanwhile.
_BYTES_AT_ONCE = 256 * MIB
# Called with (images done, images in all, what is being done).
Tell = Callable[[int, int, str], None]


@dataclass
class _Stored:
    """An item that is in the archive."""

    item: Item
    series: Series
    group: str
    hashes: list[str]
    # Of the middle slice, as `small_picture` gives it.
    picture: NDArray[np.uint8]
    pixels_sha256: str
    annotation_set: AnnotationSet | None = None
    boxes: list[dict[str, Any]] = field(default_factory=list)


# Refused items that a job's result names; all are counted.
_NAMED = 500


def run_dataset(job_id: UUID | str, *, worker: str) -> None:
    """Claim the job and bring it to its end; nothing happens where it is not there to be claimed."""
    with claim(job_id, worker=worker) as lease:
        if lease is not None:
            _run(lease)


def _run(lease: Lease) -> None:
    """Import what was uploaded, and end the job with the report."""
    job = lease.job
    role = role_of(job.created_by, job.team) if job.created_by else None
    if role is None or not role.includes(Role.RESEARCHER):
        raise NotAllowedError("role_too_small", "Who started it may no longer import data sets.")
    lease.report(stage="unpacking")
    path = open_upload(job.pk, job.params["format"], check=lease.check)
    request = request_of(_paths_within(job.params, path), path)

    def tell(done: int, total: int, stage: str) -> None:
        lease.report(progress=done / total if total else None, stage=stage)

    report = import_dataset(job.team, job.created_by, request, tell)
    number = len(report["refused"])
    lease.succeed(report | {"refused": report["refused"][:_NAMED], "refused_in_all": number})


def _paths_within(params: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a job's words with a side table that lies in the upload; never with a path from outside it."""
    words = {name: value for name, value in params.items() if name not in ("root", "table")}
    return words | ({"table": within(path, params["table"])} if params.get("table") else {})


def import_dataset(team: Team, actor: User | None, request: Request, tell: Tell) -> dict[str, Any]:
    """Import a data set and freeze it; returns the report. Imported again, it adds nothing.

    Raises what `read_dataset` and `freeze_version` raise of the whole; what is wrong with single images is in the
    report's `refused`, and the others go on. `tell` may raise to stop: what is stored by then stays.
    """
    tell(0, 0, "reading")
    data = read_dataset(request, decoder())
    with telling_refused(data):
        return _stored_and_frozen(team, actor, request, data, tell)


def _stored_and_frozen(team: Team, actor: User | None, request: Request, data: DataSet, tell: Tell) -> dict[str, Any]:
    work = _Import(team, actor, request, data)
    stored = [one for one in list(work.run(tell)) if not work.is_contradicted(one)]
    if not stored:
        raise InvalidError("empty", "No image could be imported.")
    work.note_contradictions(stored)
    tell(len(stored), len(stored), "freezing")
    groups = work.groups(stored, lambda: tell(len(stored), len(stored), "freezing"))
    version, is_new = freeze_version(
        team,
        name=request.cohort,
        title=request.title,
        description=request.description,
        kind=data.kind,
        scheme=work.scheme if data.kind in (Kind.CLASSES, Kind.MULTI_LABEL) else "",
        classes=data.classes,
        choices=[_choice(data, one, group) for one, group in zip(stored, groups, strict=True)],
        fractions=request.split.fractions,
        seed=request.seed,
        actor=actor,
    )
    return _report(data, version, groups, is_new=is_new)


class _Batch:
    """Some images on their way into the archive together."""

    def __init__(self, team: Team, actor: User | None) -> None:
        self.team, self.actor = team, actor
        self.size_bytes = 0
        self._arrivals: list[Arrival] = []
        self._items: list[tuple[Item, Loaded, str, range]] = []

    def add(self, item: Item, loaded: Loaded, group: str, objects: Iterator[bytes]) -> None:
        """Write an image's objects among the incoming files."""
        start, picture = len(self._arrivals), _picture(loaded)
        for content in objects:
            self._arrivals.append(Arrival(storage.receive([content], len(content)), picture))
            self.size_bytes += 2 * len(content)
        self._items.append((item, loaded, group, range(start, len(self._arrivals))))

    def store(self) -> Iterator[tuple[Item, Loaded, str, Series | MedportalError]]:
        """Store them through the archive's door; yields each with its series, or with why it was refused."""
        if not self._items:
            return
        results = store_instances(team=self.team, arrivals=self._arrivals, actor=self.actor, door="import")
        for item, loaded, group, places in self._items:
            of_item = [results[place] for place in places]
            refused = next((result for result in of_item if isinstance(result, MedportalError)), None)
            last = of_item[-1]
            if refused is not None:
                yield item, loaded, group, refused
            elif isinstance(last, StoreResult):
                yield item, loaded, group, last.series


def _picture(loaded: Loaded) -> bytes:
    """Return the small picture of the middle slice, as the archive would make it later."""
    middle = loaded.pixels[len(loaded.pixels) // 2]
    if middle.ndim == 2:
        is_plain = middle.dtype == np.uint8
        return thumbnail_jpeg(middle if is_plain else apply_window(middle, auto_window(middle)))
    return thumbnail_jpeg(middle)


class _Import:
    """One import under way."""

    def __init__(self, team: Team, actor: User | None, request: Request, data: DataSet) -> None:
        self.team, self.actor, self.request, self.data = team, actor, request, data
        self.issuer = request.issuer or request.cohort
        self.scheme = (request.scheme or request.cohort)[:60]
        self.seen: dict[str, Item] = {}
        # Items that are kept by then, by their names, with another that says otherwise of the same image.
        self.contradicted: dict[str, Item] = {}

    def run(self, tell: Tell) -> Iterator[_Stored]:
        """Store the items, and what is said of them, some at a time."""
        items, done = iter(self.data.items), 0
        while some := list(islice(items, _AT_ONCE)):
            batch = _Batch(self.team, self.actor)
            for item in some:
                tell(done, len(self.data.items), "storing")
                done += 1
                with self._refusing(item):
                    batch.add(item, *self._objects(item))
                if batch.size_bytes > _BYTES_AT_ONCE:
                    full, batch = batch, _Batch(self.team, self.actor)
                    yield from self._finish(full)
            yield from self._finish(batch)

    @contextmanager
    def _refusing(self, item: Item) -> Iterator[None]:
        """Leave out an item with which something is wrong; what would meet all of them goes on upwards."""
        try:
            yield
        except UnavailableError as error:
            if error.code.startswith("storage"):
                raise
            self.data.refuse(item.name, error.detail)
        except MedportalError as error:
            self.data.refuse(item.name, error.detail)

    def _finish(self, batch: _Batch) -> Iterator[_Stored]:
        """Store a batch, and what is said of its images."""
        stored = []
        for item, loaded, group, result in batch.store():
            with self._refusing(item):
                if isinstance(result, MedportalError):
                    raise result
                stored.append(self._marked(item, loaded, group, result))
        self._note(stored)
        yield from stored

    def _marked(self, item: Item, loaded: Loaded, group: str, series: Series) -> _Stored:
        """Keep an image's mask and boxes."""
        if (other := self.seen.setdefault(series.series_instance_uid, item)) is not item:
            if other.labels != item.labels:
                self.contradicted[other.name] = item
                raise InvalidError("labels_contradict", _contradiction(item, other))
            raise InvalidError("item_twice", f"it is the same image as “{other.name}”, of the same group.")
        picture = small_picture(loaded.pixels[len(loaded.pixels) // 2])
        digest = hashlib.sha256(str(loaded.pixels.shape).encode() + np.ascontiguousarray(loaded.pixels).tobytes())
        one = _Stored(item, series, group, stack_hashes(loaded.pixels), picture, digest.hexdigest())
        parameters = {"file": item.name}
        if loaded.mask is not None:
            one.annotation_set, _ = save_mask(
                series,
                loaded.mask,
                loaded.segments,
                is_instances=self.data.is_instances,
                source=Source.IMPORT,
                author=self.actor,
                name="its mask",
                parameters=parameters,
            )
        if loaded.boxes is not None:
            marks, _ = save_boxes(
                series, loaded.boxes, source=Source.IMPORT, author=self.actor, name="it", parameters=parameters
            )
            one.boxes = marks.boxes
        return one

    def is_contradicted(self, one: _Stored) -> bool:
        """Say whether another item says otherwise of the image, and refuse it then: nobody knows which is true."""
        other = self.contradicted.get(one.item.name)
        if other is not None:
            self.data.refuse(one.item.name, _contradiction(one.item, other))
        return other is not None

    def note_contradictions(self, stored: Sequence[_Stored]) -> None:
        """Note pictures that are there twice, to the pixel, under names and labels of their own."""
        if self.data.kind not in (Kind.CLASSES, Kind.MULTI_LABEL):
            return
        first: dict[str, _Stored] = {}
        pairs = [(first.setdefault(one.pixels_sha256, one).item, one.item) for one in stored]
        if told := [(one, other) for one, other in pairs if one.labels != other.labels]:
            named = "; ".join(f"“{one.name}” and “{other.name}”" for one, other in told[:NAMED])
            more = " …" if len(told) > NAMED else ""
            self.data.notes.append(
                f"{len(told)} picture(s) are there twice, and their labels contradict: {named}{more}."
            )

    def _objects(self, item: Item) -> tuple[Loaded, str, Iterator[bytes]]:
        """Return an item's pixels, its group and its DICOM files."""
        loaded = item.load(decoder())
        group = item.group or _own_group(item, loaded)
        provenance = Provenance(
            patient_id=_patient_id(group),
            issuer=self.issuer,
            source_name=item.name.rsplit("/", 1)[-1],
            source_format=self.request.format,
            modality=self.request.options.modality,
            is_synthetic=self.request.is_synthetic,
        )
        if loaded.files:
            return loaded, group, (read_bytes(path, settings.MAX_OBJECT_BYTES) for path in loaded.files)
        if loaded.volume is not None:
            return loaded, group, volume_objects(loaded.volume, provenance)
        return loaded, group, stack_objects(loaded.pixels, provenance)

    def _note(self, stored: Sequence[_Stored]) -> None:
        """Write the labels and the hashes of some series."""
        keep_hashes({one.series.pk: (one.series.revision, one.hashes) for one in stored})
        if self.data.kind in (Kind.CLASSES, Kind.MULTI_LABEL):
            order = self.data.classes.index
            labels = [
                SeriesLabel(
                    one.series, LABEL_SEPARATOR.join(sorted(one.item.labels, key=order)), {"file": one.item.name}
                )
                for one in stored
            ]
            label_many(labels, scheme=self.scheme, source=Source.IMPORT, author=self.actor)

    def groups(self, stored: Sequence[_Stored], check: Callable[[], None]) -> list[str]:
        """Return each image's group; where nothing is said of whom they are, near-duplicates are one group.

        With a given split they stay apart, for it is kept: the check tells of those on two sides.
        """
        groups = [one.group for one in stored]
        if any(one.item.group or one.item.split for one in stored):
            return groups
        result = join_alike(
            groups, [one.hashes for one in stored], np.stack([one.picture for one in stored]), check=check
        )
        if (fewer := len(set(groups)) - len(set(result))) > 0:
            self.data.notes.append(
                f"Nothing says of whom the images are. {fewer} of them look like another one and are in its group; "
                "each other image is a group of its own."
            )
        else:
            self.data.notes.append("Nothing says of whom the images are: each is a group of its own.")
        return result


def _own_group(item: Item, loaded: Loaded) -> str:
    """Return a group that holds this image alone: named after its name and its content."""
    digest = hashlib.sha256(item.name.rsplit("/", 1)[-1].encode("utf-8", "surrogateescape"))
    digest.update(loaded.pixels.tobytes())
    return f"image-{digest.hexdigest()[:12]}"


def _contradiction(item: Item, other: Item) -> str:
    labels = [LABEL_SEPARATOR.join(one.labels) or "none" for one in (item, other)]
    return f"its label “{labels[0]}” contradicts “{labels[1]}” of “{other.name}”, which is the same image."


def _patient_id(group: str) -> str:
    """Return a group's name as a PatientID: LO, at most 64 characters (PS3.5 6.2)."""
    text = plain(group, 1000).replace("\\", "/").replace("^", " ").replace("=", " ").strip()
    if len(text) <= 64 and text:
        return text
    return f"{text[:40]} {hashlib.sha256(group.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}".strip()


def _choice(data: DataSet, one: _Stored, group: str) -> Choice:
    has_one = data.kind == Kind.CLASSES
    choice = Choice(
        one.series, group if len(group) <= 120 else _patient_id(group), one.item.labels[0] if has_one else ""
    )
    return replace(
        choice,
        split=one.item.split or None,
        labels=tuple(one.item.labels) if data.kind == Kind.MULTI_LABEL else (),
        annotation_set=one.annotation_set if data.kind == Kind.MASKS else None,
        boxes=one.boxes if data.kind == Kind.BOXES else (),
    )


def _report(data: DataSet, version: CohortVersion, groups: Sequence[str], *, is_new: bool) -> dict[str, Any]:
    reasons = Counter(reason for _, reason in data.refused)
    return {
        **version.summary(),
        "is_new": is_new,
        "images": len(groups),
        "groups": len(set(groups)),
        "refused": [{"item": name, "reason": reason} for name, reason in data.refused],
        "refused_reasons": dict(reasons.most_common(20)),
        "notes": data.notes,
    }
