"""Learning in a browser: a data set comes in, studies are chosen and frozen, a recipe is looked at, a model is measured."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PATIENTS, Person
from tests.dicom import ct_series

Enter = Callable[..., Person]
EACH = 12


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A ZIP with a folder of pictures for each of two classes, and one that is none."""
    random = np.random.default_rng(0)
    path = tmp_path / "bright spots.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2 * EACH):
            image = random.integers(0, 90, (48, 48), np.uint8)
            label = "spot" if number % 2 else "normal"
            if label == "spot":
                image[10:22, 10 + number % 20 : 22 + number % 20] = 255
            content = io.BytesIO()
            Image.fromarray(image).save(content, "PNG")
            archive.writestr(f"{label}/{number:02}.png", content.getvalue())
        archive.writestr("spot/broken.png", b"no picture")
    return path


def choose(page: Page, label: str, option: str) -> None:
    """Choose an option of a select."""
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_a_data_set_comes_in_and_its_samples_are_looked_at(person: Enter, pictures: Path) -> None:
    page = (researcher := person("researcher")).page
    researcher.go("/teams/demo/cohorts")
    page.get_by_role("button", name="Import a data set").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(pictures)
    # The cohort is named after the file until somebody names it.
    expect(dialog.get_by_role("textbox", name="Cohort")).to_have_value("bright-spots")
    dialog.get_by_role("button", name="Import", exact=True).click()
    report = page.get_by_test_id("import-report")
    expect(report).to_contain_text(f"{2 * EACH} images", timeout=60_000)
    expect(report).to_contain_text("spot/broken.png")
    report.get_by_role("link", name="Open the cohort").click()
    expect(page.get_by_role("row", name="spot")).to_be_visible()

    page.get_by_role("link", name="Train on it").click()
    expect(page.get_by_role("combobox", name="Recipe")).to_have_value("Classification of series and slices")
    page.get_by_role("button", name="Show samples").click()
    samples = page.get_by_role("region", name="Augmented samples")
    expect(samples.locator(".previews").first.locator("img")).to_have_count(12, timeout=60_000)
    epochs = page.get_by_role("textbox", name="Epochs", exact=True)
    _each_augmentation_is_seen(page, samples)
    usual = epochs.input_value()
    epochs.fill("0")
    expect(page.get_by_text("1 setting is out of bounds.")).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Back to the default: Epochs").click()
    expect(epochs).to_have_value(usual)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()


def _each_augmentation_is_seen(page: Page, samples: Locator) -> None:
    for name, count in (("Mirror left–right", 2), ("Rotate (°)", 6), ("Deform", 6)):
        pictures = samples.get_by_role("group", name=name).locator("img")
        expect(pictures).to_have_count(count)
        expect(pictures.first).to_have_attribute("data-kind", "untouched")
    # On a telephone, rows have two lines and nothing hangs over.
    page.set_viewport_size({"width": 390, "height": 800})
    rotated = samples.get_by_role("group", name="Rotate (°)").locator("img")
    lines = "all => new Set(all.map((one) => Math.round(one.getBoundingClientRect().top))).size"
    assert rotated.evaluate_all(lines) == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 800})
    # Pictures made with other settings are marked; with those settings again they are there at once.
    again = samples.get_by_role("button", name="Show again")
    expect(again).to_be_disabled()
    choose(page, "Network", "densenet121")
    expect(samples.get_by_text("Settings have changed")).to_be_visible()
    expect(again).to_be_enabled()
    choose(page, "Network", "resnet_small")
    expect(again).to_be_disabled()


@pytest.fixture
def labelled_series(tmp_path: Path) -> Path:
    """A ZIP with a DICOM series of each of six patients, and a table that says what they show."""
    path = tmp_path / "scans.zip"
    lines = ["patient,finding,site"]
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(6):
            for place, content in enumerate(ct_series(2, PatientID=f"TABLE-{number}", PatientName="Table^Test")):
                archive.writestr(f"scans/{number}/{place}.dcm", content)
            finding, site = ("normal", "ill")[number % 2], ('"a, b"', "c")[number >= 4]
            lines.append(f"TABLE-{number},{finding},{site}")
        archive.writestr("scans/labels.csv", "\n".join(lines))
    return path


def test_dicom_comes_in_with_a_table_of_labels(person: Enter, labelled_series: Path) -> None:
    page = (researcher := person("researcher")).page
    researcher.go("/teams/demo/cohorts")
    page.get_by_role("button", name="Import a data set").click()
    dialog = page.get_by_role("dialog")
    choose(page, "Format", "DICOM, with segmentations or a table")
    dialog.locator("input[type=file]").set_input_files(labelled_series)
    dialog.get_by_role("textbox", name="Table beside the images").fill("labels.csv")
    dialog.get_by_role("textbox", name="Label column, or several").fill("finding")
    choose(page, "Splits", "All of it for testing")
    dialog.get_by_text("More about the data set").click()
    dialog.get_by_role("textbox", name="Path column").fill("patient")
    dialog.get_by_role("combobox", name="These rows alone").fill("site=a, b")
    dialog.get_by_role("textbox", name="Question that the labels answer").fill("finding")
    dialog.get_by_role("button", name="Import", exact=True).click()
    report = page.get_by_test_id("import-report")
    expect(report).to_contain_text("4 images of 4 patients", timeout=60_000)
    expect(report).to_contain_text("it is not in the table “labels.csv”")
    report.get_by_role("link", name="Open the cohort").click()
    expect(page.get_by_role("row", name="ill")).to_contain_text("2")


def test_outcomes_come_in_on_a_phone(person: Enter, tmp_path: Path) -> None:
    page = (researcher := person("researcher", viewport={"width": 390, "height": 800})).page
    researcher.go("/teams/demo/cohorts")
    page.get_by_role("button", name="Import outcomes").click()
    dialog = page.get_by_role("dialog")
    table = tmp_path / "follow-up.csv"
    table.write_text("ID;time_days;event\nPHANTOM-0001;20;1\nPHANTOM-0002;400;0\nPHANTOM-0003;20;0\nNOBODY;20;1\n")
    dialog.locator("input[type=file]").set_input_files(table)
    dialog.get_by_role("textbox", name="Question").fill("death-1y")
    # Days and event bear the usual names; the patient's column is to be chosen.
    expect(dialog.get_by_role("combobox", name="Days")).to_have_value("time_days")
    expect(dialog.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    dialog.get_by_role("combobox", name="Patient").click()
    page.get_by_role("option", name="ID", exact=True).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    dialog.get_by_role("button", name="Import", exact=True).click()
    report = page.get_by_test_id("outcomes-report")
    expect(report).to_contain_text("2 patients have a label of “death-1y”")
    expect(report).to_contain_text("left out: 1, last seen before day 365")
    expect(report.get_by_role("row", name="NOBODY")).to_contain_text("line 5")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


SHOWN = {"Epochs": "epochs", "Minutes": "minutes", "Size": "size", "Batch size": "batch_size"}


def test_the_form_shows_the_defaults_that_would_run(person: Enter) -> None:
    from medportal.cohorts.models import CohortVersion
    from medportal.learning.recipes import complete_config

    fingerprint = CohortVersion.objects.get(cohort__name="lung-phantoms").fingerprint
    page = (researcher := person("researcher")).page
    researcher.go("/teams/demo/training/new?cohort=lung-phantoms&recipe=classification")
    page.get_by_role("button", name="All settings").click()
    page.get_by_role("button", name="What the network sees").click()

    def shows(settings: dict[str, object]) -> None:
        config = complete_config("classification", settings, fingerprint)
        for label, name in SHOWN.items():
            expect(page.get_by_role("textbox", name=label, exact=True)).to_have_value(f"{config[name]:g}")
        # What somebody has chosen is marked, and nothing else.
        expect(page.locator(".changed-setting")).to_have_count(len(settings))
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()

    shows({})
    choose(page, "Dimensions", "3")
    shows({"dimensions": 3})
    page.get_by_role("textbox", name="Minutes", exact=True).fill("7")
    shows({"dimensions": 3, "minutes": 7})
    choose(page, "Dimensions", "2")
    shows({"minutes": 7})


MANY = 51


@pytest.fixture
def many_runs(site: Any) -> Iterator[list[str]]:
    """More runs than a page of the list has, the first with a control; newest first. They are taken away again."""
    from medportal.cohorts.models import CohortVersion
    from medportal.jobs.models import Job
    from medportal.training.models import TrainingRun

    version = CohortVersion.objects.get(cohort__name="lung-phantoms")
    team = version.cohort.team

    def run(model: str, control: str = "none") -> str:
        job = Job.objects.create(team=team, kind="training", task_name="-", queue="nobody", state="succeeded")
        TrainingRun.objects.create(
            job=job,
            team=team,
            cohort_version=version,
            recipe="classification",
            config={"control": control},
            model_name=model,
            metrics={"auc": {"value": 0.5, "low": None, "high": None}},
        )
        return str(job.pk)

    made = [run("eldest"), run("eldest", "shuffled-labels"), *(run(f"run-{number:02}") for number in range(MANY - 2))]
    yield made[::-1]
    Job.objects.filter(pk__in=made).delete()


def test_runs_are_listed_found_and_compared_however_many_there_are(person: Enter, many_runs: list[str]) -> None:
    page = (viewer := person("viewer")).page
    viewer.go("/teams/demo/training")
    rows = page.get_by_role("checkbox")
    expect(rows).to_have_count(50)
    page.get_by_role("checkbox", name="Choose run-48").check()
    page.get_by_role("button", name="Next page").click()
    expect(rows).to_have_count(MANY - 50)
    page.get_by_role("checkbox", name="Choose eldest").check()
    page.get_by_role("searchbox").fill("run-07 phantoms")
    expect(rows).to_have_count(1)
    page.get_by_role("checkbox", name="Choose run-07").check()
    page.get_by_role("link", name="Compare 3").click()
    heads = page.locator("table.compare thead a")
    expect(heads).to_have_text([f"{k} · {name}" for k, name in enumerate(("run-48", "eldest", "run-07", "eldest"), 1)])
    heads.nth(1).click()
    expect(page.get_by_text("control: shuffled labels")).to_be_visible()

    viewer.go("/teams/demo/cohorts/lung-phantoms")
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("link", name="eldest")).to_be_visible()


def test_studies_are_labelled_frozen_and_a_model_measured_on_them(person: Enter) -> None:
    page = person("researcher").page
    page.get_by_label("Search studies").fill("phantom 000")
    expect(page.locator(".worklist tbody tr")).to_have_count(PATIENTS)
    page.get_by_role("checkbox", name="Choose all studies of this page").check()
    chosen = page.get_by_role("region", name="Chosen studies")
    expect(chosen).to_contain_text(f"{PATIENTS} studies chosen")
    chosen.get_by_role("button", name="Label").click()
    page.get_by_role("combobox", name="Question").fill("kind")
    page.get_by_role("textbox", name="Answer").fill("phantom")
    page.get_by_role("dialog").get_by_role("button", name="Label").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    chosen.get_by_role("button", name="Freeze as a cohort").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Cohort").fill("measured")
    choose(page, "Question", "lung-cancer")
    for split, part in (("Training", "0"), ("Validation", "0"), ("Test", "100")):
        dialog.get_by_role("textbox", name=split).fill(part)
    dialog.get_by_role("button", name="Freeze", exact=True).click()
    page.wait_for_url(re.compile("/cohorts/measured"))
    expect(page.get_by_text("it is for evaluation alone")).to_have_count(0)
    expect(page.get_by_role("link", name="Train on it")).to_have_count(0)

    page.get_by_role("button", name="Evaluate").click()
    page.get_by_role("dialog").get_by_role("button", name="Evaluate").click()
    page.wait_for_url(re.compile("/evaluations/.+"))
    expect(page.get_by_text("ROC curve")).to_be_visible(timeout=90_000)
    expect(page.get_by_role("link", name="PDF")).to_be_visible()
    page.get_by_test_id("case").first.get_by_role("link").click()
    page.wait_for_url(re.compile(r"/studies/.+slice=\d+"))


def test_somebody_who_only_sees_can_start_nothing(person: Enter) -> None:
    page = (viewer := person("viewer")).page
    expect(page.locator(".worklist tbody tr").first).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    viewer.go("/teams/demo/cohorts")
    expect(page.get_by_role("link", name="Lung phantoms")).to_be_visible()
    expect(page.get_by_role("button", name="Import a data set")).to_have_count(0)
    viewer.go("/teams/demo/training/new")
    expect(page.get_by_text("Researchers and managers start trainings.")).to_be_visible()
