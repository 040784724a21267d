"""The whole path in browsers: files come in, a study is read, a model is trained, and its answer streams to two people."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import dicom
from tests.browser.conftest import PATIENTS, Person, Wire
from tests.processes import wait_until
from tests.real import MR_SERIES, needs_real_data

SLICES = 40
Enter = Callable[..., Person]


def study_of(number: int) -> str:
    """Return the address of a phantom's study."""
    from medportal.archive.models import Study

    study = Study.objects.get(team__slug="demo", patient__patient_id=f"PHANTOM-{number:04d}")
    return f"/teams/demo/studies/{study.study_instance_uid}"


def marks(page: Page) -> dict[str, float]:
    """Return the page's User Timing marks, milliseconds since its start."""
    script = "() => performance.getEntriesByType('mark').map(m => [m.name, m.startTime])"
    return dict(page.evaluate(script))


def wait_for_mark(page: Page, prefix: str) -> float:
    def found() -> float | None:
        return next((time for name, time in marks(page).items() if name.startswith(prefix)), None)

    return float(wait_until(found, 40, f"mark {prefix}"))


# --- files come in -------------------------------------------------------------------------------------------------


@pytest.fixture
def batch(tmp_path: Path) -> list[Path]:
    """A good slice, the same again, another slice of its study, and two that cannot be stored."""
    study, series = dicom.new_uid(), dicom.new_uid()
    common = {
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "PatientName": "Arrival^Anna",
        "PatientID": "A-77",
    }
    first = dicom.to_bytes(dicom.dataset(dicom.noise(64, 64), InstanceNumber=1, **common))
    second = dicom.to_bytes(dicom.dataset(dicom.noise(64, 64, seed=1), InstanceNumber=2, **common))
    files = {
        "first.dcm": first,
        "first again.dcm": first,
        "second.dcm": second,
        "letter.txt": b"Dear colleague",
        "cut off.dcm": second[: len(second) // 2],
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return [tmp_path / name for name in files]


def test_files_come_in_each_with_its_answer_and_appear_for_everybody(person: Enter, batch: list[Path]) -> None:
    sender, watcher = person("reader"), person("viewer").page
    uploader = sender.page
    sender.provoked = r"status of (415|422)"
    expect(watcher.get_by_text("Phantom, 0001")).to_be_visible()
    expect(watcher.get_by_role("button", name="Upload")).to_have_count(0)

    uploader.get_by_test_id("upload-files").set_input_files(batch)
    panel = uploader.get_by_role("region", name="Upload")

    expect(panel.get_by_text("All 5 files done")).to_be_visible(timeout=20_000)
    expect(panel.get_by_text("stored 2")).to_be_visible()
    expect(panel.get_by_text("already here 1")).to_be_visible()
    expect(panel.get_by_text("rejected 2")).to_be_visible()
    expect(panel.get_by_text("letter.txt")).to_be_visible()
    for page in (uploader, watcher):
        row = page.get_by_role("row", name="Arrival, Anna")
        expect(row).to_be_visible(timeout=15_000)
        expect(row).to_contain_text("A-77")
        # The picture comes by itself once the series is quiet.
        expect(row.locator("img.thumb")).to_be_visible(timeout=20_000)


def test_the_worklist_is_searched_sorted_filtered_and_opened_by_keys(person: Enter) -> None:
    from medportal.archive.models import Study

    page = person("viewer").page
    names = page.locator(".worklist tbody tr td:nth-child(2) a")
    page.keyboard.press("/")
    page.keyboard.type("phantom 000")
    expect(names).to_have_count(PATIENTS)

    page.get_by_role("button", name="Patient", exact=True).click()
    expect(names.first).to_have_text("Phantom, 0001")
    page.get_by_role("button", name="Patient", exact=True).click()
    expect(names.first).to_have_text(f"Phantom, 000{PATIENTS}")
    page.get_by_label("Search studies").fill("nobody of this name")
    expect(page.get_by_text("No study matches")).to_be_visible()
    page.get_by_role("button", name="Clear the filters").last.click()
    page.get_by_role("combobox", name="AI", exact=True).click()
    page.get_by_role("option", name="Analysed", exact=True).click()
    # Two of the demo's, and those on which other tests have run a model.
    expect(names).to_have_count(Study.objects.filter(ai_status="succeeded").count())

    page.locator(".worklist tbody tr").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/studies/"))
    expect(page.get_by_text("SYNTHETIC", exact=True).first).to_be_visible(timeout=20_000)


# --- a study is read -----------------------------------------------------------------------------------------------


def place(page: Page) -> int:
    """Return which image is shown."""
    found = re.search(r"Image (\d+) / \d+", page.inner_text("body"))
    return int(found.group(1)) if found else 0


def test_a_study_is_read(person: Enter) -> None:
    reader = person("reader")
    reader.go(study_of(1))
    page = reader.page
    first = wait_for_mark(page, "first-image")
    whole = wait_for_mark(page, "series-complete:")
    assert marks(page)["study-open"] < first <= whole
    picture = page.get_by_test_id("picture")
    expect(page.get_by_text(f"/ {SLICES}")).to_be_visible()
    expect(page.get_by_text("Phantom", exact=False).first).to_be_visible()

    began = place(page)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text(f"Image {began + 1} / {SLICES}")).to_be_visible()
    picture.hover()
    page.mouse.wheel(0, 100)
    expect(page.get_by_text(f"Image {began + 2} / {SLICES}")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.get_by_text(f"Image 1 / {SLICES}")).to_be_visible()

    page.get_by_role("button", name="Window presets").click()
    page.get_by_role("menuitem", name="Bone").click()
    bone = page.get_by_text("W 1800 · L 450")
    expect(bone).to_be_visible()
    before = picture.screenshot()
    page.keyboard.press("i")
    wait_until(lambda: picture.screenshot() != before, 5, "inverted picture")
    page.keyboard.press("r")
    expect(bone).to_have_count(0)

    page.keyboard.press("c")
    wait_until(lambda: place(page) > 3, 10, "the film plays")
    page.keyboard.press("c")


def test_a_length_is_measured_undone_and_done_again(person: Enter) -> None:
    reader = person("reader")
    reader.go(study_of(1))
    page = reader.page
    wait_for_mark(page, "first-image")
    box = page.get_by_test_id("picture").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.press("l")
    page.mouse.move(x - 60, y)
    page.mouse.down()
    page.mouse.move(x, y, steps=5)
    page.mouse.move(x + 60, y, steps=5)
    page.mouse.up()
    listed = page.get_by_test_id("marks").get_by_role("button", name=re.compile(r"Length.*mm"))
    expect(listed).to_be_visible()
    assert 10 < float(re.findall(r"([\d.]+) mm", listed.inner_text())[0]) < 300
    page.keyboard.press("Control+z")
    expect(listed).to_have_count(0)
    page.keyboard.press("Control+Shift+z")
    expect(listed).to_be_visible()


@needs_real_data
def test_a_real_series_is_read(person: Enter) -> None:
    from medportal.archive.models import Series

    reader = person("reader")
    reader.site.command("import", str(MR_SERIES), "--team", "demo")
    series = Series.objects.select_related("study").get(team__slug="demo", modality="MR", number_of_instances=120)
    reader.go(f"/teams/demo/studies/{series.study.study_instance_uid}")
    page = reader.page
    wait_for_mark(page, "series-complete:")
    expect(page.get_by_text("Image 61 / 120")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_text("Image 120 / 120")).to_be_visible()
    expect(page.get_by_text("SYNTHETIC", exact=True)).to_have_count(0)
    # The shipped model reads CT alone, and says so.
    expect(page.get_by_text("This model reads CT, not MR.")).to_be_visible()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_disabled()


# --- a model is trained --------------------------------------------------------------------------------------------


def test_a_model_is_trained_and_trusted(person: Enter) -> None:
    researcher = person("researcher")
    researcher.go("/teams/demo/training")
    page = researcher.page
    page.get_by_role("link", name="New training").click()
    page.get_by_role("combobox", name="Model", exact=True).fill("lung-cancer")
    expect(page.get_by_text("It becomes version 2 of lung-cancer.")).to_be_visible()
    page.get_by_role("textbox", name="Epochs", exact=True).fill("2")
    page.get_by_role("button", name="All settings").click()
    page.get_by_role("button", name="Network", exact=True).click()
    page.get_by_role("textbox", name="Width", exact=True).fill("4")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile("/training/.+"))

    epochs = page.get_by_test_id("epochs").locator("tbody tr")
    expect(epochs.first).to_contain_text("1 / 2", timeout=60_000)
    expect(page.locator(".uplot").first).to_be_visible()
    expect(page.get_by_text("lung-cancer v2 is in the zoo")).to_be_visible(timeout=90_000)
    expect(epochs).to_have_count(2)
    expect(page.get_by_text("Measured on held-out patients")).to_be_visible()

    page.get_by_role("alert").get_by_role("link", name="Models").click()
    version = page.get_by_test_id("version-2")
    expect(version).to_contain_text("Candidate")
    expect(version.get_by_role("button", name="Change stage")).to_have_count(0)
    version.get_by_role("button", name="Details").click()
    expect(page.get_by_text("Not for diagnosis.", exact=False).first).to_be_visible()

    manager = person("manager")
    manager.go("/teams/demo/models")
    page = manager.page
    version = page.get_by_test_id("version-2")
    version.get_by_role("button", name="Change").click()
    page.get_by_role("menuitem", name="Promote to production").click()
    page.get_by_role("button", name="Promote to production").click()
    expect(version).to_contain_text("Production")
    expect(page.get_by_test_id("version-1")).not_to_contain_text("Production")
    version.get_by_role("button", name="Change").click()
    page.get_by_role("menuitem", name="Roll back").click()
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_test_id("version-1")).to_contain_text("Production")


# --- its answer streams to two people ------------------------------------------------------------------------------


def pieces_of(site: Any) -> tuple[str, list[int]]:
    """Return the newest analysis' topic, and the numbers of its pieces."""
    from medportal.jobs.models import Job
    from medportal.messaging.models import Event

    job = Job.objects.filter(kind="analysis").latest("created_at")
    topic = f"job:{job.pk}"
    return topic, list(
        Event.objects.filter(topic=topic, type="slice.predicted").order_by("seq").values_list("seq", flat=True)
    )


def test_an_answer_streams_to_two_people_and_through_a_cut(person: Enter) -> None:
    wire = Wire()
    runner, watcher = person("reader"), person("viewer", wire=wire)
    for one in (runner, watcher):
        one.go(study_of(4))
        wait_for_mark(one.page, "first-image")
    expect(watcher.page.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    wire.cut_after = 5

    runner.page.get_by_role("button", name="Run", exact=True).click()
    told = []
    for one in (runner, watcher):
        analysis = one.page.get_by_test_id("analysis")
        expect(analysis).to_have_attribute("data-state", "succeeded", timeout=60_000)
        expect(analysis).to_have_attribute("data-pieces", str(SLICES))
        verdict = one.page.get_by_test_id("verdict")
        expect(verdict).to_contain_text("CPU")
        expect(verdict).to_contain_text("Not for diagnosis")
        told.append(verdict.inner_text())
        wait_for_mark(one.page, "first-piece:")
        expect(one.page.get_by_test_id("plot")).to_be_visible()
    assert told[0] == told[1]

    topic, numbers = pieces_of(runner.site)
    assert len(numbers) == SLICES
    assert wire.cuts == 1
    assert [seq for name, seq in wire.delivered if name == topic] == numbers

    runner.page.get_by_role("button", name="Go to the highest").click()
    expect(runner.page.get_by_test_id("map")).to_have_attribute("data-painted", "true")
    runner.go("/")
    expect(runner.page.get_by_role("row", name="Phantom, 0004")).to_contain_text("%")


# --- both languages, small screens ---------------------------------------------------------------------------------


def test_the_language_is_kept_with_the_account(person: Enter) -> None:
    one = person("reader")
    page = one.page
    page.get_by_role("button", name="Language").click()
    page.get_by_role("menuitem", name="简体中文").click()
    expect(page.get_by_role("link", name="检查列表")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="检查列表")).to_be_visible()
    one.go(study_of(2))
    expect(page.get_by_text("AI 分析").first).to_be_visible()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/teams/demo/models",
        "/teams/demo/cohorts",
        "/teams/demo/training",
        "/teams/demo/training/new",
        "/teams/demo/jobs",
        "/account",
    ],
)
def test_on_a_phone_no_page_is_wider_than_the_screen(person: Enter, path: str) -> None:
    one = person("manager", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    one.go(path)
    one.page.wait_for_load_state("networkidle")
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 390
