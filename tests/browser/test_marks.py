"""What readers draw, in browsers: every tool, saved as it is made, seen by others, undone, brought back, never overwritten."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Person
from tests.chests import store_chest
from tests.processes import Site, wait_until
from tests.rails import running_site, this_process_on

Enter = Callable[..., Person]
Points = list[tuple[float, float]]

# A tool's key, and where it is drawn: offsets from the middle of the picture, in its widths.
DRAGGED: dict[str, tuple[str, Points]] = {
    "length": ("l", [(-0.2, -0.2), (0.0, -0.2)]),
    "bidirectional": ("d", [(-0.2, -0.1), (0.0, -0.1)]),
    "ellipse": ("e", [(0.05, -0.2), (0.15, -0.1)]),
    "circle": ("Shift+e", [(0.2, -0.2), (0.26, -0.2)]),
    "rectangle": ("q", [(-0.2, 0.05), (-0.1, 0.12)]),
    "freehand": ("u", [(0.0, 0.05), (0.08, 0.05), (0.08, 0.12), (0.0, 0.12), (0.0, 0.055)]),
    "arrow": ("j", [(0.12, 0.1), (0.2, 0.05)]),
    "probe": ("y", [(0.22, 0.12), (0.22, 0.12)]),
}
CLICKED: dict[str, tuple[str, Points]] = {
    "angle": ("a", [(-0.2, 0.2), (-0.1, 0.28), (0.0, 0.2)]),
    "cobb": ("Shift+a", [(0.05, 0.18), (0.15, 0.18), (0.05, 0.28), (0.15, 0.24)]),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Site]:
    """A site with a small chest for each test."""
    with running_site("sqlite", tmp_path_factory.mktemp("marks")) as site:
        site.start_web()
        with this_process_on(site), django_db_blocker.unblock():
            from medportal.accounts.models import Team

            team = Team.objects.create(slug="demo", name="Demo")
            for number in range(1, 9):
                store_chest(team, number, has_cancer=True, slices=4)
            site.start_worker("default")
            yield site


def address(number: int) -> str:
    from medportal.archive.models import Study

    study = Study.objects.get(patient__patient_id=f"PHANTOM-{number:04d}")
    return f"/teams/demo/studies/{study.study_instance_uid}"


def kept(number: int) -> list[Any]:
    """Return the study's marks as the site keeps them."""
    from medportal.annotations.models import Mark

    return list(Mark.objects.filter(study__patient__patient_id=f"PHANTOM-{number:04d}", is_deleted=False))


def opened(person: Person, number: int) -> Page:
    person.go(address(number))
    expect(person.page.get_by_text(re.compile(r"Image \d+ / 4"))).to_be_visible(timeout=20_000)
    return person.page


def rows(page: Page) -> Locator:
    return page.get_by_test_id("marks").get_by_role("listitem")


def is_saved(page: Page) -> None:
    expect(page.get_by_test_id("marks").get_by_role("status")).to_have_text("All saved", timeout=5_000)


def place(page: Page, at: tuple[float, float]) -> tuple[float, float]:
    box = page.get_by_test_id("picture").bounding_box()
    assert box
    side = min(box["width"], box["height"])
    return box["x"] + box["width"] / 2 + at[0] * side, box["y"] + box["height"] / 2 + at[1] * side


def drag(page: Page, points: Points, *, let_go: bool = True) -> None:
    page.mouse.move(*place(page, points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*place(page, point), steps=6)
    if let_go:
        page.mouse.up()


def draw(page: Page, key: str, points: Points, *, by_clicks: bool = False) -> None:
    page.keyboard.press(key)
    if not by_clicks:
        return drag(page, points)
    for point in points:
        page.mouse.move(*place(page, point), steps=3)
        page.mouse.click(*place(page, point))
    return None


def test_every_tool_draws_saves_and_is_there_after_a_reload(person: Enter) -> None:
    page = opened(person("reader"), 1)
    for count, (key, points) in enumerate(DRAGGED.values(), start=1):
        draw(page, key, points)
        if key == "j":
            page.get_by_role("dialog").get_by_role("textbox").fill("a nodule")
            page.keyboard.press("Enter")
        expect(rows(page)).to_have_count(count)
    for key, points in CLICKED.values():
        draw(page, key, points, by_clicks=True)
    wanted = {*DRAGGED, *CLICKED}
    wait_until(lambda: {mark.kind for mark in kept(1)} == wanted, 10, "all kinds are kept")
    is_saved(page)
    by_kind = {mark.kind: mark for mark in kept(1)}
    assert by_kind["arrow"].data["text"] == "a nodule"
    assert 10 < by_kind["length"].data["stats"]["length_mm"] < 300
    assert by_kind["ellipse"].data["stats"]["area_mm2"] > 0
    assert "mean" in by_kind["rectangle"].data["stats"]
    assert 60 < by_kind["angle"].data["stats"]["angle_deg"] < 140
    assert {mark.space for mark in kept(1)} == {"patient"}

    page.reload()
    expect(rows(page)).to_have_count(len(wanted), timeout=20_000)
    expect(rows(page).filter(has_text="Length")).to_contain_text(" mm")


def test_all_is_undone_and_done_again(person: Enter) -> None:
    page = opened(person("reader"), 2)
    draw(page, *DRAGGED["length"])
    draw(page, *DRAGGED["rectangle"])
    expect(rows(page)).to_have_count(2)
    rows(page).filter(has_text="Length").get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Label").click()
    page.keyboard.type("aorta")
    page.keyboard.press("Enter")
    expect(rows(page).filter(has_text="aorta")).to_have_count(1)
    page.keyboard.press("i")
    for _ in range(2):
        page.keyboard.press("Control+z")
    expect(rows(page).filter(has_text="aorta")).to_have_count(0)
    for _ in range(2):
        page.keyboard.press("Control+z")
    expect(rows(page)).to_have_count(0)
    wait_until(lambda: not kept(2), 5, "none is kept")
    for _ in range(3):
        page.keyboard.press("Control+Shift+z")
    expect(rows(page).filter(has_text="aorta")).to_have_count(1)
    expect(rows(page)).to_have_count(2)
    wait_until(lambda: len(kept(2)) == 2, 5, "both are kept again")


def test_a_mark_is_moved_and_an_earlier_state_is_brought_back(person: Enter) -> None:
    page = opened(person("reader"), 3)
    draw(page, "l", [(-0.2, 0.0), (0.1, 0.0)])
    is_saved(page)
    wait_until(lambda: len(kept(3)) == 1, 5, "it is kept")
    first = kept(3)[0]
    page.keyboard.press("s")
    drag(page, [(0.1, 0.0), (0.2, 0.0)])
    wait_until(lambda: kept(3)[0].revision > first.revision, 5, "its end is moved")
    is_saved(page)
    assert kept(3)[0].points != first.points
    rows(page).get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="History").click()
    history = page.get_by_role("dialog")
    expect(history.get_by_role("listitem")).to_have_count(2)
    history.get_by_role("button", name="Bring back").click()
    wait_until(lambda: kept(3)[0].points == first.points, 5, "it lies where it lay")
    page.keyboard.press("Escape")


def test_others_see_a_mark_at_once_and_a_conflict_is_shown(person: Enter) -> None:
    one, other = person("reader"), person("reader")
    # The browser tells of each request that the missing network takes away.
    one.provoked = "ERR_INTERNET_DISCONNECTED|WebSocket"
    page, theirs = opened(one, 4), opened(other, 4)
    draw(page, *DRAGGED["length"])
    expect(rows(theirs)).to_have_count(1, timeout=5_000)
    is_saved(page)
    one.context.set_offline(offline=True)
    for somebody, name in ((page, "mine"), (theirs, "theirs")):
        rows(somebody).get_by_role("button", name="More").click()
        somebody.get_by_role("menuitem", name="Label").click()
        expect(rows(somebody).get_by_role("textbox")).to_be_focused()
        somebody.keyboard.type(name)
        somebody.keyboard.press("Enter")
    expect(page.get_by_text("Not saved yet: kept in this browser")).to_be_visible()
    wait_until(lambda: kept(4)[0].data.get("label") == "theirs", 5, "theirs is kept")
    one.context.set_offline(offline=False)
    conflict = page.get_by_role("alert").filter(has_text="has changed this meanwhile")
    expect(conflict).to_be_visible(timeout=15_000)
    assert kept(4)[0].data["label"] == "theirs"
    conflict.get_by_role("button", name="Keep mine").click()
    wait_until(lambda: kept(4)[0].data["label"] == "mine", 5, "mine is kept")
    expect(rows(theirs).filter(has_text="mine")).to_have_count(1)


def test_a_tab_that_dies_while_drawing_loses_the_unfinished_stroke_alone(person: Enter, browser: Browser) -> None:
    reader = person("reader")
    reader.provoked = "ERR_INTERNET_DISCONNECTED|WebSocket"
    page = opened(reader, 5)
    draw(page, *DRAGGED["length"])
    is_saved(page)
    reader.context.set_offline(offline=True)
    draw(page, *DRAGGED["rectangle"])
    expect(rows(page)).to_have_count(2)
    # The third is being drawn as the renderer's process ends: nothing of the page runs any more.
    page.keyboard.press("u")
    drag(page, DRAGGED["freehand"][1], let_go=False)
    with page.expect_event("crash"):
        end_renderers(browser)
    page.close()
    reader.context.set_offline(offline=False)
    reader.page = reader.context.new_page()
    again = opened(reader, 5)
    expect(rows(again)).to_have_count(2, timeout=15_000)
    wait_until(lambda: {mark.kind for mark in kept(5)} == {"length", "rectangle"}, 10, "both are kept")


def end_renderers(browser: Browser) -> None:
    """Kill the processes in which this browser's pages run, as the system does where memory is short."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    for process in processes:
        if process["type"] == "renderer":
            os.kill(process["id"], signal.SIGKILL)


def test_a_viewer_may_look_and_draw_for_itself(person: Enter) -> None:
    page = opened(person("viewer"), 6)
    draw(page, *DRAGGED["length"])
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_text("You may only look: marks end with this page")).to_be_visible()
    page.wait_for_timeout(1_500)
    assert kept(6) == []


def test_the_menu_under_the_right_button_and_key_images(person: Enter) -> None:
    reader = person("reader")
    reader.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = opened(reader, 7)
    page.mouse.click(*place(page, (0, 0)), button="right")
    menu = page.get_by_test_id("context-menu")
    menu.get_by_role("menuitem", name="Key image").click()
    expect(rows(page).filter(has_text="Key image")).to_have_count(1)
    wait_until(lambda: [mark.kind for mark in kept(7)] == ["key"], 5, "it is kept")
    page.mouse.click(*place(page, (0, 0)), button="right")
    menu.get_by_role("menuitem", name="Copy a link to this image").click()
    link = page.evaluate("navigator.clipboard.readText()")
    page.goto(link)
    expect(page.get_by_text("Image 3 / 4")).to_be_visible(timeout=20_000)


def test_a_finger_draws_and_rests(person: Enter) -> None:
    reader = person("reader", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    reader.user.language = "zh-CN"
    reader.user.save()
    reader.go(address(8))
    page = reader.page
    expect(page.get_by_text(re.compile("4")).first).to_be_visible(timeout=20_000)
    page.wait_for_timeout(2_500)
    session = reader.context.new_cdp_session(page)
    x, y = place(page, (0, 0))
    touch = lambda kind, points: session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})  # noqa: E731
    touch("touchStart", [{"x": x, "y": y}])
    page.wait_for_timeout(700)
    touch("touchEnd", [])
    menu = page.get_by_test_id("context-menu")
    expect(menu).to_be_visible()
    menu.get_by_role("menuitem", name="测量长度").tap()
    touch("touchStart", [{"x": x - 60, "y": y}])
    for step in range(1, 7):
        touch("touchMove", [{"x": x - 60 + 20 * step, "y": y}])
    touch("touchEnd", [])
    wait_until(lambda: [mark.kind for mark in kept(8)] == ["length"], 5, "it is kept")
