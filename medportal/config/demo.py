"""The demo: phantoms and real images with labels, a cohort, the shipped model, and a training that makes the next one."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4, uuid5

from django.conf import settings
from pydicom.data import get_testdata_file

from medportal.accounts.models import Team, User
from medportal.analysis.services import start_analysis
from medportal.annotations.models import Label, Source
from medportal.annotations.services import label_instances, label_series, save_boxes
from medportal.archive import storage
from medportal.archive.models import Series
from medportal.archive.services import store_instance
from medportal.cohorts.models import CohortVersion
from medportal.cohorts.services import choose_version
from medportal.errors import MedportalError
from medportal.imaging.phantom_dicom import phantom_uid
from medportal.imaging.phantoms import SLICES, Kind
from medportal.jobs.models import State
from medportal.learning.phantom_data import CLASS_OF_KIND, CLASSES, DESCRIPTION, PhantomCase
from medportal.learning.phantom_files import PhantomFiles, made_files
from medportal.training.models import TrainingRun
from medportal.training.services import start_training
from medportal.zoo.services import SHIPPED_MODEL, install_shipped

SCHEME, COHORT = "lung-cancer", "lung-phantoms"
FIRST_SEED = 1000
# Phantoms on which version 1 is run, so that the worklist has something to show.
ANALYSED = 2
_NAMESPACE = UUID("1e4ae4d1-2c5b-4f6b-9d0e-5a1d7b1f6c26")
Say = Callable[[str], None]

# Well-formed images that pydicom's wheel carries: samples of DICOM's working group 4 (NEMA), a drawn test pattern,
# a deflated one of D. Clunie's, and the discs on which pydicom tests DICOMDIR, made small. None shows a known person.
REAL_FILES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "JPEG2000.dcm",
    "examples_jpeg2k.dcm",
    "examples_rgb_color.dcm",
    "SC_rgb_rle.dcm",
    "image_dfl.dcm",
    *(f"dicomdirtests/77654033/CR{n}/{name}" for n, name in ((1, 6154), (2, 6247), (3, 6278))),
    *(f"dicomdirtests/77654033/CT2/{name}" for name in (17106, 17136, 17166, 17196)),
)


def make_demo(team: Team, actor: User, *, patients: int, say: Say) -> TrainingRun:
    """Make what is missing of the demo, and return its training; made again, it adds nothing."""
    with _one_at_a_time(say):
        return _start_training(team, actor, make_data(team, actor, patients=patients, say=say))


@contextlib.contextmanager
def _one_at_a_time(say: Say) -> Iterator[None]:
    """Wait while another process of this machine makes the demo: two would make every phantom twice."""
    path = Path(settings.DATA_DIR) / "run" / "demo.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another process is making the demo: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_data(team: Team, actor: User, *, patients: int, say: Say) -> CohortVersion:
    """Install the shipped model, store real images and phantoms, analyse a few, freeze the cohort."""
    version = install_shipped(team, actor=actor)
    say(f"model {version} installed")
    import_real_files(team, actor, say=say)
    cases = demo_cases(patients)
    import_phantoms(team, actor, cases, say=say)
    for case in cases[:ANALYSED]:
        _analyse(team, actor, _series_uid(case))
    cohort = _freeze(team, actor, cases)
    say(f"cohort {cohort} frozen")
    return cohort


def demo_cases(patients: int) -> list[PhantomCase]:
    """Return the first so many phantom patients: of each two neighbours one has cancer, whatever the number."""
    cases = []
    for number in range(1, patients + 1):
        is_first_cancer = hashlib.sha256(f"pair {(number - 1) // 2}".encode()).digest()[0] % 2 == 0
        kind: Kind = "cancer" if is_first_cancer == (number % 2 == 1) else "normal"
        cases.append(PhantomCase(number, FIRST_SEED + number, kind))
    return cases


def import_real_files(team: Team, actor: User, *, say: Say) -> None:
    """Store the real images; one that is missing or refused is named and left out."""
    stored = 0
    for name in REAL_FILES:
        path = get_testdata_file(name, download=False)
        if path is None:
            say(f"{name} is not in this pydicom: left out")
            continue
        try:
            store_instance(team=team, path=storage.copy_in(Path(str(path))), actor=actor, door="demo")
            stored += 1
        except MedportalError as error:
            say(f"{name}: {error.detail}")
    say(f"{stored} real images")


def import_phantoms(team: Team, actor: User, cases: list[PhantomCase], *, say: Say) -> None:
    """Make and store the phantoms that are not there yet, and label them."""
    missing = [case for case in cases if not _is_complete(team, case)]
    for number, phantom in enumerate(made_files(missing), start=1):
        series = _store(team, actor, phantom)
        _label(series, actor, phantom)
        if number % 10 == 0 or number == len(missing):
            say(f"phantoms {number}/{len(missing)}")


def _series_uid(case: PhantomCase) -> str:
    return phantom_uid(case.seed, case.kind, case.number, "series")


def _is_complete(team: Team, case: PhantomCase) -> bool:
    series = Series.objects.filter(team=team, series_instance_uid=_series_uid(case)).first()
    if series is None or series.number_of_instances < SLICES:
        return False
    # The labels of the slices are written last.
    return Label.objects.filter(series=series, scheme=SCHEME, instance__isnull=False).exists()


def _store(team: Team, actor: User, phantom: PhantomFiles) -> Series:
    series: Series | None = None
    for content in phantom.files:
        path = storage.incoming_dir() / f"{uuid4().hex}.part"
        path.write_bytes(content)
        series = store_instance(team=team, path=path, actor=actor, door="demo").series
    assert series is not None
    return series


def _label(series: Series, actor: User, phantom: PhantomFiles) -> None:
    """Write down the truth, which is known by construction."""
    value, detail = CLASS_OF_KIND[phantom.case.kind], {"nodules": phantom.nodules}
    label_series(series, scheme=SCHEME, value=value, source=Source.PHANTOM, author=actor, detail=detail)
    values: dict[str, tuple[str, dict[str, object]]] = {uid: (label, {}) for uid, label in phantom.labels.items()}
    save_boxes(series, phantom.boxes, source=Source.PHANTOM, author=actor)
    label_instances(series, scheme=SCHEME, values=values, source=Source.PHANTOM, author=actor)


def _freeze(team: Team, actor: User, cases: list[PhantomCase]) -> CohortVersion:
    version, _ = choose_version(
        actor,
        team.slug,
        name=COHORT,
        title="Lung phantoms",
        description=f"{len(cases)} patients, {DESCRIPTION}. What is learnt from them means nothing on images of people.",
        scheme=SCHEME,
        classes=CLASSES,
        series=[_series_uid(case) for case in cases],
    )
    return version


def _analyse(team: Team, actor: User, series_uid: str) -> None:
    job_id = uuid5(_NAMESPACE, f"{team.slug}/analysis/{series_uid}")
    start_analysis(actor, team.slug, id=job_id, series_instance_uid=series_uid, model=SHIPPED_MODEL)


def _start_training(team: Team, actor: User, cohort: CohortVersion) -> TrainingRun:
    """Start the demo's training of this content, or return the one that there is.

    One that failed or was cancelled is begun anew; one that an earlier release ran, with other settings, is not.
    """
    for trial in count(1):
        job_id = uuid5(_NAMESPACE, f"{team.slug}/training/{cohort.content_hash}/{trial}")
        known = TrainingRun.objects.select_related("job").filter(pk=job_id).first()
        if known is None:
            break
        if known.job.state not in (State.FAILED, State.CANCELLED):
            return known
    return start_training(
        actor,
        team.slug,
        id=job_id,
        cohort=COHORT,
        cohort_version=cohort.number,
        recipe="classification",
        model=SHIPPED_MODEL,
    )
