"""Layouts and keys in a browser: made of what is on screen, kept, and there again when the next study is opened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person
from tests.chests import store_chest
from tests.processes import Site, wait_until
from tests.rails import running_site, this_process_on

Enter = Callable[..., Person]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Site]:
    """A site with two small chests."""
    with running_site("sqlite", tmp_path_factory.mktemp("layouts")) as site:
        site.start_web()
        with this_process_on(site), django_db_blocker.unblock():
            from medportal.accounts.models import Team

            team = Team.objects.create(slug="demo", name="Demo")
            for number in (1, 2):
                store_chest(team, number, has_cancer=True, slices=6)
            site.start_worker("default")
            yield site


def opened(person: Person, number: int) -> Page:
    from medportal.archive.models import Study

    study = Study.objects.get(patient__patient_id=f"PHANTOM-{number:04d}")
    person.go(f"/teams/demo/studies/{study.study_instance_uid}")
    expect(person.page.get_by_text(re.compile(r"(Image|Slice) \d+ / ")).first).to_be_visible(timeout=20_000)
    return person.page


def saved_layouts(page: Page) -> None:
    page.get_by_role("button", name="Layout", exact=True).click()
    page.get_by_role("menuitem", name="Saved layouts").click()


def test_a_layout_is_kept_and_the_next_study_opens_in_it(person: Enter) -> None:
    reader = person("reader")
    page = opened(reader, 1)
    expect(page.get_by_test_id("pane")).to_have_count(1)
    page.keyboard.press("g")
    expect(page.get_by_test_id("pane")).to_have_count(3)
    saved_layouts(page)
    dialog = page.get_by_role("dialog", name="Saved layouts")
    dialog.get_by_role("button", name="Save what is on screen").click()
    dialog.get_by_label("Name").fill("Chest planes")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_text("Chest planes")).to_be_visible()
    expect(dialog.get_by_text("opens by itself")).to_be_visible()
    page.keyboard.press("Escape")

    page = opened(reader, 2)
    expect(page.get_by_test_id("pane")).to_have_count(3)
    expect(page.get_by_text("Coronal")).to_be_visible(timeout=15_000)
    # What was asked for by name is shown, whatever the layout; and nobody else has it.
    other = opened(person("reader"), 2)
    expect(other.get_by_test_id("pane")).to_have_count(1)
    saved_layouts(page)
    page.get_by_role("button", name="Delete Chest planes").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    page = opened(reader, 1)
    expect(page.get_by_test_id("pane")).to_have_count(1)


def test_a_team_has_its_layouts(person: Enter) -> None:
    page = opened(person("manager"), 1)
    page.get_by_role("button", name="Layout", exact=True).click()
    page.get_by_role("button", name="1 × 2").click()
    saved_layouts(page)
    dialog = page.get_by_role("dialog", name="Saved layouts")
    dialog.get_by_role("button", name="Save what is on screen").click()
    dialog.get_by_label("Name").fill("Two")
    dialog.get_by_label("For the whole team").check()
    dialog.get_by_label("Open studies that fit").uncheck()
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_text("Two")).to_be_visible()
    theirs = opened(person("reader"), 2)
    expect(theirs.get_by_test_id("pane")).to_have_count(1)
    theirs.get_by_role("button", name="Layout", exact=True).click()
    theirs.get_by_role("menuitem", name="Two").click()
    expect(theirs.get_by_test_id("pane")).to_have_count(2)


def test_keys_are_changed_for_the_account(person: Enter) -> None:
    reader = person("reader")
    page = opened(reader, 1)
    page.keyboard.press("?")
    page.get_by_role("button", name="Change keys").click()
    page.get_by_label("Search").fill("Three planes")
    page.get_by_role("button", name="Key of: Three planes").click()
    page.keyboard.press("b")
    expect(page.get_by_role("button", name="Key of: Three planes")).to_have_text("B")
    wait_until(lambda: _keys(reader) == {"mpr": ["b"], "previousFinding": []}, 5, "kept for the account")
    page = opened(reader, 2)
    page.wait_for_timeout(500)
    page.keyboard.press("g")
    expect(page.get_by_test_id("pane")).to_have_count(1)
    page.keyboard.press("b")
    expect(page.get_by_test_id("pane")).to_have_count(3)


def _keys(person: Person) -> Any:
    person.user.refresh_from_db()
    return person.user.viewer_settings.get("keys")


def test_the_header_of_an_image_is_searched(person: Enter) -> None:
    page = opened(person("viewer"), 1)
    page.keyboard.press("Shift+I")
    dialog = page.get_by_role("dialog", name="DICOM header of this image")
    expect(dialog.get_by_role("cell", name="PatientName")).to_be_visible()
    dialog.get_by_label("Search").fill("pixelspac")
    expect(dialog.get_by_role("row")).to_have_count(2)
    dialog.get_by_label("Search").fill("(0028,0010)")
    expect(dialog.get_by_role("cell", name="Rows")).to_be_visible()
    dialog.get_by_label("Search").fill("nothing of this name")
    expect(dialog.get_by_text("Nothing of that in this header.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
