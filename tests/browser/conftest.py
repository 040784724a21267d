"""A whole site with demo data, and browsers of people who are signed in; any console error fails the test."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, WebSocketRoute, expect, sync_playwright

from tests.processes import ROOT, Site, wait_until
from tests.rails import forget_other_databases, running_site, this_process_on

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Software rendering of WebGL, and no talk with anybody but the site.
ARGUMENTS = [
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENTS = 6


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Site]:
    """A site with all workers, team `demo`, its studies and a cohort; nothing is being trained."""
    if not (ROOT / "frontend" / "dist" / "index.html").is_file():
        pytest.fail("The page is not built: run make frontend.")
    with running_site("sqlite", tmp_path_factory.mktemp("browser")) as site:
        site.start_web()
        with this_process_on(site), django_db_blocker.unblock():
            from medportal.accounts.models import Team
            from medportal.config.demo import make_data
            from tests.factories import make_member

            team = Team.objects.create(slug="demo", name="Demo")
            manager = make_member(team, "manager")
            make_data(team, manager, patients=PATIENTS, say=lambda _: None)
            for queue in ("default", "training", "inference"):
                site.start_worker(queue)
            wait_until(lambda: _is_settled(team), 120, "thumbnails and first analyses")
            yield site


def _is_settled(team: Any) -> bool:
    from medportal.archive.models import Series
    from medportal.jobs.models import FINAL_STATES, Job

    waits = Series.objects.filter(team=team, thumbnail_is_due=True, reason_not_displayable="").exists()
    return not waits and not Job.objects.filter(team=team).exclude(state__in=FINAL_STATES).exists()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with pytest.MonkeyPatch.context() as patch:
        # Playwright keeps a loop running in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield from _running_browser()


def _running_browser() -> Iterator[Browser]:
    # Two files of tests share two cores: what comes late has come.
    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def database(site: Site, browser: Browser) -> None:
    """Have each test, and its fixtures after this one, ask this site's database: the browser's loop is shared by modules."""
    forget_other_databases()


@dataclass
class Wire:
    """A page's socket as seen from between: what went through, and a way to cut it."""

    # (topic, seq) of each numbered event that reached the page.
    delivered: list[tuple[str, int]] = field(default_factory=list)
    cut_after: int | None = None
    cuts: int = 0

    def connect(self, page_side: WebSocketRoute) -> None:
        server = page_side.connect_to_server()
        is_cut = False

        def pass_on(message: str | bytes) -> None:
            nonlocal is_cut
            if is_cut:
                return
            if self.cut_after is not None and len(self.delivered) >= self.cut_after:
                self.cut_after, is_cut = None, True
                self.cuts += 1
                page_side.close(code=1012)
                return
            if isinstance(message, bytes):
                self._note(message)
            page_side.send(message)

        server.on_message(pass_on)

    def _note(self, piece: bytes) -> None:
        import json

        header = json.loads(piece[4 : 4 + int.from_bytes(piece[:4], "big")])
        self.delivered.append((header["topic"], header["seq"]))


@dataclass
class Person:
    """Somebody of the team in a browser of their own."""

    user: Any
    context: BrowserContext
    page: Page
    site: Site
    complaints: list[str]
    # The browser itself reports each answer 4xx; a test that provokes some says which.
    provoked: str = "nothing"

    def go(self, path: str) -> None:
        self.page.goto(f"{self.site.url}{path}")


@pytest.fixture
def person(site: Site, browser: Browser) -> Iterator[Callable[..., Person]]:
    """Return a function that opens a browser for a new member of the team and signs in by the form."""
    from medportal.accounts.models import Team
    from tests.factories import PASSWORD, make_member, make_user

    people: list[Person] = []

    def enter(role: str = "reader", *, wire: Wire | None = None, language: str = "en-GB", **options: Any) -> Person:
        user = make_member(Team.objects.get(slug="demo"), role, user=make_user(password=PASSWORD))
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": language} | options)
        context.set_default_timeout(15_000)
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if wire:
            page.route_web_socket("**/ws/", wire.connect)
        entered = Person(user, context, page, site, complaints)
        people.append(entered)
        entered.go("/")
        page.locator("input[autocomplete=username]").fill(user.username)
        page.locator("input[autocomplete=current-password]").fill(PASSWORD)
        page.locator("button[type=submit]").click()
        page.wait_for_url(f"{site.url}/")
        return entered

    yield enter
    for one in people:
        one.context.close()
    unprovoked = [text for one in people for text in one.complaints if not re.search(one.provoked, text)]
    assert unprovoked == []
