"""Segments in browsers: painted in any plane, changed as a whole, saved as they are made, never overwritten."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Person
from tests.chests import store_chest
from tests.processes import Site, wait_until
from tests.rails import running_site, this_process_on

Enter = Callable[..., Person]
SLICES = 8


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Site]:
    """A site with a small chest for each test."""
    with running_site("sqlite", tmp_path_factory.mktemp("segments")) as site:
        site.start_web()
        with this_process_on(site), django_db_blocker.unblock():
            from medportal.accounts.models import Team

            team = Team.objects.create(slug="demo", name="Demo")
            for number in range(1, 8):
                store_chest(team, number, has_cancer=True, slices=SLICES)
            site.start_worker("default")
            yield site


def address(number: int) -> str:
    from medportal.archive.models import Study

    study = Study.objects.get(patient__patient_id=f"PHANTOM-{number:04d}")
    return f"/teams/demo/studies/{study.study_instance_uid}"


def volumes(number: int) -> dict[str, np.ndarray]:
    """Return the segments of the study's newest segmentation as the site keeps them: label → (slice, row, column)."""
    from medportal.annotations.models import Segmentation
    from medportal.annotations.segmentations.arrays import frames_of, volumes_of

    kept = Segmentation.objects.filter(study__patient__patient_id=f"PHANTOM-{number:04d}").order_by("pk").last()
    if kept is None:
        return {}
    return {f"{n} {said['label']}": volume for n, said, volume in volumes_of(kept, frames_of(kept.series))}


def sizes(number: int) -> list[int]:
    return [int(volume.sum()) for volume in volumes(number).values()]


def opened(person: Person, number: int) -> Page:
    person.go(address(number))
    page = person.page
    expect(page.get_by_text(re.compile(rf"Image \d+ / {SLICES}"))).to_be_visible(timeout=20_000)
    page.get_by_role("tab", name="Segments").click()
    return page


def begun(page: Page) -> None:
    page.get_by_role("button", name="New segmentation").click()
    page.get_by_role("menuitem", name="New, empty").click()
    add(page)


def add(page: Page) -> None:
    page.get_by_role("button", name="Add a segment").click()


def tool(page: Page, name: str) -> None:
    page.get_by_role("button", name=re.compile(f"^{name}")).click()


def segments(page: Page) -> Locator:
    return page.get_by_role("list", name="Segments").get_by_role("listitem")


def is_saved(page: Page) -> None:
    expect(page.get_by_test_id("segments-panel").get_by_role("status").first).to_have_text("All saved", timeout=8_000)


def place(page: Page, at: tuple[float, float], pane: int = 0) -> tuple[float, float]:
    box = page.get_by_test_id("picture").nth(pane).bounding_box()
    assert box
    side = min(box["width"], box["height"])
    return box["x"] + box["width"] / 2 + at[0] * side, box["y"] + box["height"] / 2 + at[1] * side


def drag(page: Page, *points: tuple[float, float], pane: int = 0) -> None:
    page.mouse.move(*place(page, points[0], pane))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*place(page, point, pane), steps=6)
    page.mouse.up()


def test_segments_are_painted_erased_cut_and_kept(person: Enter) -> None:
    page = opened(person("reader"), 1)
    begun(page)
    tool(page, "Brush")
    drag(page, (-0.2, 0), (0.1, 0))
    wait_until(lambda: sizes(1) and sizes(1)[0] > 20, 5, "the stroke is kept")
    painted = sizes(1)[0]
    expect(page.get_by_test_id("segments-layer")).to_have_attribute("data-painted", "true")
    tool(page, "Eraser")
    drag(page, (-0.1, 0), (0, 0))
    wait_until(lambda: 0 < sizes(1)[0] < painted, 5, "a part is erased")
    add(page)
    tool(page, "Rectangle")
    drag(page, (-0.1, 0.1), (0.1, 0.3))
    wait_until(lambda: len(sizes(1)) == 2 and sizes(1)[1] > 50, 5, "the rectangle is kept")
    square = sizes(1)[1]
    page.get_by_text("Take away", exact=True).click()
    tool(page, "Circle")
    drag(page, (0, 0.2), (0.05, 0.2))
    wait_until(lambda: 0 < sizes(1)[1] < square, 5, "a circle is cut out of it")
    tool(page, "Draw around")
    page.get_by_text("Fill", exact=True).click()
    drag(page, (-0.3, -0.3), (-0.2, -0.3), (-0.2, -0.2), (-0.3, -0.2))
    wait_until(lambda: sizes(1)[1] > square, 5, "what was drawn around is filled")
    is_saved(page)
    expect(page.get_by_test_id("segment-figures")).to_contain_text("mL")

    before = sizes(1)
    page.reload()
    expect(page.get_by_text(re.compile(rf"Image \d+ / {SLICES}"))).to_be_visible(timeout=20_000)
    page.get_by_role("tab", name="Segments").click()
    expect(segments(page)).to_have_count(2, timeout=10_000)
    expect(page.get_by_test_id("segments-layer")).to_have_attribute("data-painted", "true")
    assert sizes(1) == before


def test_everything_is_undone_and_any_state_comes_back(person: Enter) -> None:
    page = opened(person("reader"), 2)
    begun(page)
    tool(page, "Circle")
    drag(page, (0, 0), (0.1, 0))
    wait_until(lambda: sizes(2) and sizes(2)[0] > 50, 5, "a circle is kept")
    first = sizes(2)
    page.get_by_role("button", name="Grow", exact=True).click()
    wait_until(lambda: sizes(2)[0] > first[0], 5, "it has grown")
    segments(page).get_by_role("button", name="More of").click()
    page.get_by_role("menuitem", name="Delete").click()
    wait_until(lambda: sizes(2) == [], 5, "the segment is gone")
    for _ in range(2):
        page.keyboard.press("Control+z")
    wait_until(lambda: sizes(2) == first, 8, "it is as it was")
    page.keyboard.press("Control+z")
    wait_until(lambda: sizes(2) == [0], 5, "it is empty")
    page.keyboard.press("Control+Shift+z")
    wait_until(lambda: sizes(2) == first, 5, "and as it was again")
    is_saved(page)
    page.get_by_role("button", name="More", exact=True).last.click()
    page.get_by_role("menuitem", name="History").click()
    history = page.get_by_role("dialog")
    history.get_by_role("listitem").filter(has_text="Segments changed").last.get_by_role(
        "button", name="Bring back"
    ).click()
    wait_until(lambda: sizes(2) == [0], 5, "an earlier state is back")
    page.keyboard.press("Escape")


def test_whole_segments_are_changed(person: Enter) -> None:
    page = opened(person("reader"), 3)
    begun(page)
    tool(page, "Circle")
    for step in range(2):
        drag(page, (0, 0), (0.1, 0))
        if not step:
            for _ in range(3):
                page.keyboard.press("ArrowUp")
    wait_until(
        lambda: sizes(3) and np.count_nonzero(next(iter(volumes(3).values())).any(axis=(1, 2))) == 2, 5, "two slices"
    )
    page.get_by_role("button", name="Fill between slices").click()
    wait_until(lambda: np.count_nonzero(next(iter(volumes(3).values())).any(axis=(1, 2))) == 4, 8, "four slices")
    add(page)
    drag(page, (0.05, 0), (0.15, 0))
    wait_until(lambda: len(sizes(3)) == 2 and sizes(3)[1] > 0, 5, "a second one")
    own, other = (volume.copy() for volume in volumes(3).values())
    page.get_by_role("button", name="Combine with").click()
    page.get_by_role("menuitem", name="New segment").nth(1).click()
    wait_until(
        lambda: np.array_equal(list(volumes(3).values())[1], other & ~own), 5, "the first is taken from the second"
    )
    # What hangs together with a voxel of like value.
    add(page)
    page.get_by_text("Only these values").first.click()
    tool(page, "Fill what hangs together")
    page.mouse.click(*place(page, (0.0, 0.0)))
    wait_until(lambda: len(sizes(3)) == 3 and sizes(3)[2] > 20, 8, "a region has grown")


def test_planes_are_painted_in_as_well(person: Enter) -> None:
    page = opened(person("reader"), 4)
    begun(page)
    is_saved(page)
    page.keyboard.press("g")
    expect(page.get_by_test_id("pane")).to_have_count(3)
    wait_until(lambda: page.get_by_text("Coronal").count() > 0, 15, "planes")
    page.wait_for_timeout(2_000)
    tool(page, "Brush")
    drag(page, (-0.15, 0.05), (0.15, 0.05), pane=1)
    wait_until(lambda: sizes(4) and sizes(4)[0] > 10, 8, "the stroke is kept")
    (volume,) = volumes(4).values()
    slices, rows, columns = (np.ptp(index) + 1 for index in np.nonzero(volume))
    # A stroke to the right in the coronal plane: many columns, one row, a few slices.
    assert columns > 10
    assert rows <= 2
    assert slices <= SLICES
    for at in range(3):
        expect(page.get_by_test_id("segments-layer").nth(at)).to_have_attribute(
            "data-painted", re.compile("true|false")
        )
    expect(page.get_by_test_id("segments-layer").nth(1)).to_have_attribute("data-painted", "true")


def test_two_people_paint_and_neither_is_overwritten(person: Enter) -> None:
    one, other = person("reader"), person("reader")
    one.provoked = "ERR_INTERNET_DISCONNECTED|WebSocket"
    page = opened(one, 5)
    begun(page)
    tool(page, "Circle")
    drag(page, (0, 0), (0.1, 0))
    is_saved(page)
    theirs = opened(other, 5)
    expect(segments(theirs)).to_have_count(1, timeout=10_000)
    one.context.set_offline(offline=True)
    tool(page, "Brush")
    drag(page, (-0.3, -0.2), (-0.2, -0.2))
    expect(page.get_by_text("Not saved yet: kept in this browser")).to_be_visible(timeout=8_000)
    before = sizes(5)
    tool(theirs, "Brush")
    drag(theirs, (0.2, 0.2), (0.3, 0.2))
    wait_until(lambda: sizes(5)[0] > before[0], 5, "theirs is kept")
    both = sizes(5)
    one.context.set_offline(offline=False)
    notice = page.get_by_role("alert").filter(has_text="as well")
    expect(notice).to_be_visible(timeout=15_000)
    assert sizes(5) == both
    notice.get_by_role("button", name="Keep mine").click()
    wait_until(lambda: sizes(5) != both, 8, "mine is kept")
    is_saved(page)


def test_a_page_that_ends_loses_nothing_that_was_finished(person: Enter) -> None:
    reader = person("reader")
    reader.provoked = "ERR_INTERNET_DISCONNECTED|WebSocket"
    page = opened(reader, 6)
    begun(page)
    is_saved(page)
    reader.context.set_offline(offline=True)
    tool(page, "Circle")
    drag(page, (0, 0), (0.1, 0))
    expect(page.get_by_text("Not saved yet: kept in this browser")).to_be_visible(timeout=8_000)
    page.close(run_before_unload=False)
    reader.context.set_offline(offline=False)
    reader.page = reader.context.new_page()
    page = opened(reader, 6)
    expect(segments(page)).to_have_count(1, timeout=10_000)
    wait_until(lambda: sizes(6) and sizes(6)[0] > 50, 10, "it is kept after all")


def test_a_viewer_sees_and_does_not_change(person: Enter) -> None:
    from medportal.annotations.models import Segmentation

    page = opened(person("viewer"), 7)
    expect(page.get_by_text("Nobody has drawn segments on this series yet.")).to_be_visible()
    assert not Segmentation.objects.filter(study__patient__patient_id="PHANTOM-0007").exists()
