"""Searches of the worklist that are kept under names, in a browser: at a desk and on a phone, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENTS, Person

Enter = Callable[..., Person]
DESK: dict[str, Any] = {}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def keep(page: Page, name: str) -> None:
    """Keep what the worklist shows now, and leave the window open."""
    page.get_by_role("button", name="Saved searches").click()
    dialog = page.get_by_role("dialog", name="Saved searches")
    dialog.get_by_role("textbox", name="Name").fill(name)
    dialog.get_by_role("button", name="Save this search").click()
    expect(dialog.get_by_role("listitem").filter(has_text=name)).to_be_visible()


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_a_search_is_kept_shown_again_renamed_and_deleted(person: Enter, screen: dict[str, Any]) -> None:
    page = (somebody := person("reader", **screen)).page
    somebody.go("/?search=phantom+0001&sort=patient_id")
    keep(page, "the first")
    page.keyboard.press("Escape")
    somebody.go("/?search=nobody-at-all")
    expect(page.get_by_text("No study matches")).to_be_visible()

    page.get_by_role("button", name="Saved searches").click()
    dialog = page.get_by_role("dialog", name="Saved searches")
    row = dialog.get_by_role("listitem")
    # Who reads freezes nothing.
    expect(dialog.get_by_role("button", name=re.compile("Freeze"))).to_have_count(0)
    wide = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    row.get_by_role("button", name=re.compile("^the first")).click()
    expect(page.get_by_label("Search studies")).to_have_value("phantom 0001")
    expect(page.get_by_text("1 study", exact=True)).to_be_visible()
    assert re.search(r"\?search=phantom(\+|%20)0001&sort=patient_id$", page.url)

    page.get_by_role("button", name="Saved searches").click()
    row.get_by_role("button", name="Rename the first").click()
    row.get_by_role("textbox", name="New name").fill("number one")
    row.get_by_role("button", name="Keep the name").click()
    expect(row).to_contain_text("number one")
    row.get_by_role("button", name="Delete number one").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog.get_by_text("No search is saved yet.")).to_be_visible()


def test_a_cohort_is_frozen_of_what_a_kept_search_finds(person: Enter) -> None:
    page = (researcher := person("researcher")).page
    researcher.go("/?search=phantom+000")
    keep(page, "phantoms")
    page.keyboard.press("Escape")
    researcher.go("/?search=nobody-at-all")
    page.get_by_role("button", name="Saved searches").click()
    page.get_by_role("button", name="Freeze what phantoms finds").click()
    dialog = page.get_by_role("dialog", name="Freeze what “phantoms” finds as a cohort")
    dialog.get_by_role("textbox", name="Cohort").fill("kept")
    dialog.get_by_role("button", name="Freeze", exact=True).click()
    page.wait_for_url(re.compile("/cohorts/kept"))
    expect(page.get_by_text(f"{PATIENTS} series").first).to_be_visible()


def test_each_account_has_its_own_and_each_language_its_words(person: Enter) -> None:
    page = (somebody := person("reader")).page
    keep(page, "mine")
    # On another device it is there as well.
    page.evaluate("() => localStorage.clear()")
    somebody.go("/")
    page.get_by_role("button", name="Saved searches").click()
    expect(page.get_by_role("listitem").filter(has_text="mine")).to_be_visible()
    other = person("reader").page
    other.get_by_role("button", name="Language").click()
    other.get_by_role("menuitem", name="简体中文").click()
    other.get_by_role("button", name="已保存的搜索").click()
    expect(other.get_by_text("尚未保存搜索。")).to_be_visible()
