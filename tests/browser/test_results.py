"""Answers of every task in a browser: seen as they come, seen again after a reload, and found among similar cases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person
from tests.chests import store_chest
from tests.packages import register
from tests.processes import Site
from tests.rails import running_site, this_process_on

SLICES = 8
Enter = Callable[..., Person]
# Models by hand: what is bright is a lesion, and a nodule; a blurring autoencoder.
MODELS = {"lesions": "segmentation", "nodules": "detection", "blur": "autoencoder"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Site]:
    """A site with two small patients and a model of each task."""
    with running_site("sqlite", tmp_path_factory.mktemp("results")) as site:
        site.start_web()
        with this_process_on(site), django_db_blocker.unblock():
            from medportal.accounts.models import Team

            team = Team.objects.create(slug="demo", name="Demo")
            for number in (1, 2):
                store_chest(team, number, has_cancer=True)
            for name, task in MODELS.items():
                register(team, site.folder, name=name, task=task, title=name.capitalize())
            site.start_worker("default")
            site.start_worker("inference")
            yield site


def address(number: int, place: str = "") -> str:
    from medportal.archive.models import Series

    series = Series.objects.get(study__patient__patient_id=f"PHANTOM-{number:04d}")
    return f"/teams/demo/studies/{series.study.study_instance_uid}?series={series.series_instance_uid}{place}"


def run(page: Page, title: str) -> None:
    """Choose a model by its title, run it, and wait for its answer."""
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name=re.compile(f"^{title} ")).click()
    page.get_by_role("button", name="Run", exact=True).click()
    analysis = page.get_by_test_id("analysis")
    expect(analysis).to_have_attribute("data-task", MODELS[title.lower()], timeout=30_000)
    expect(analysis).to_have_attribute("data-state", "succeeded", timeout=60_000)
    expect(page.get_by_test_id("verdict")).to_contain_text("Not for diagnosis")


def is_painted(page: Page, *, yes: bool = True) -> None:
    expect(page.get_by_test_id("map")).to_have_attribute("data-painted", str(yes).lower())


def test_a_mask_is_seen_by_everybody_and_again_after_a_reload(person: Enter) -> None:
    one, other = person("reader"), person("viewer")
    for somebody in (one, other):
        somebody.go(address(1, "&slice=3"))
        expect(somebody.page.get_by_text(f"Image 4 / {SLICES}")).to_be_visible(timeout=20_000)
    run(one.page, "Lesions")

    for page in (one.page, other.page):
        expect(page.get_by_test_id("verdict")).to_contain_text(" ml")
        is_painted(page)
    other.page.reload()
    page = other.page
    expect(page.get_by_test_id("verdict")).to_contain_text(" ml", timeout=20_000)
    is_painted(page)
    seen = page.get_by_test_id("map").screenshot()
    page.get_by_role("button", name="Hide lesion").click()
    page.get_by_role("button", name="Hide bone").click()
    expect(page.get_by_role("button", name="Show bone")).to_be_visible()
    assert page.get_by_test_id("map").screenshot() != seen
    page.keyboard.press("h")
    is_painted(page, yes=False)


def test_boxes_are_listed_and_gone_to_also_by_keys(person: Enter) -> None:
    page = person("reader").page
    page.goto(f"{page.url.rstrip('/')}{address(1, '&slice=0')}")
    expect(page.get_by_text(f"Image 1 / {SLICES}")).to_be_visible(timeout=20_000)
    run(page, "Nodules")
    boxes = page.get_by_test_id("boxes").get_by_role("button")
    boxes.first.click()
    expect(page.get_by_text(re.compile(rf"Image [45] / {SLICES}"))).to_be_visible()
    is_painted(page)
    page.keyboard.press("n")
    expect(boxes.nth(1)).to_have_attribute("aria-current", "true")


def test_a_reconstruction_is_never_taken_for_the_image(person: Enter) -> None:
    page = person("reader", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).page
    page.goto(f"{page.url.rstrip('/')}{address(1)}")
    page.get_by_role("button", name="Results").tap()
    run(page, "Blur")
    expect(page.get_by_test_id("verdict")).to_contain_text("dB")
    page.get_by_role("switch", name="Beside the image").tap()
    expect(page.get_by_text("computed, not the image")).to_be_visible()
    expect(page.get_by_test_id("beside")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_similar_cases_open_in_the_viewer(person: Enter) -> None:
    page = person("reader").page
    home = page.url.rstrip("/")
    for number in (2, 1):
        page.goto(f"{home}{address(number)}")
        page.get_by_role("button", name="Find similar").click()
        expect(page.get_by_test_id("similar")).to_have_attribute("data-status", "found", timeout=60_000)
    page.get_by_test_id("similar").get_by_role("button", name=re.compile("PHANTOM-0002")).click()
    page.wait_for_url(re.compile("series="))
    expect(page.get_by_text("PHANTOM-0002").first).to_be_visible(timeout=20_000)
