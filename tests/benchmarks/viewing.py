"""The viewer beside OHIF, in turn, on one study over the same DICOMweb: `python -m tests.benchmarks.viewing OHIF`.

OHIF is the unpacked folder of the npm package (`npm pack @ohif/app@3.13.2`, `tar xf`, its `package/dist`). Both get a
fresh browser each time; the site serves both. A series of 300 slices of 512 × 512 is opened and scrolled; then a DICOM
segmentation of 100 segments in it, 3,000 frames, written by the site. Printed are medians of alternating runs, and the
median of the ratios pair by pair.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

SLICES, SIDE, SEGMENTS, FRAMES_EACH = 300, 512, 100, 30
PASSWORD = "a long passphrase for the benchmark"
# When a page shows something: a large canvas whose pixels differ; and how often the picture changes.
WATCH = """() => {
  const seen = window.__seen = { first: null, changes: 0 };
  const small = document.createElement("canvas"); small.width = small.height = 32;
  const pen = small.getContext("2d", { willReadFrequently: true });
  const pixels = (canvas) => { try { pen.clearRect(0, 0, 32, 32); pen.drawImage(canvas, 0, 0, 32, 32); return pen.getImageData(0, 0, 32, 32).data; } catch { return null; } };
  const large = () => [...document.querySelectorAll("canvas")].filter((one) => one.clientWidth > 250 && one.clientHeight > 250);
  const isPicture = (canvas) => new Set(pixels(canvas)?.filter((_, at) => at % 4 === 0).map((one) => one >> 1)).size > 3;
  const look = () => { const began = performance.now(); if (large().some(isPicture)) seen.first = began; else setTimeout(look, Math.max(20, 3 * (performance.now() - began))); };
  look();
  window.__count = () => { const canvas = large().filter(isPicture)[0]; let last = ""; const step = () => { const now = String(pixels(canvas)); if (now !== last) seen.changes += 1; last = now; requestAnimationFrame(step); }; step(); };
}"""


def _chest(index: int, rng: np.random.Generator) -> np.ndarray:
    y, x = np.ogrid[:SIDE, :SIDE]
    image = np.where(((x - 256) / 210) ** 2 + ((y - 256) / 150) ** 2 < 1, 40.0, -1000.0)
    for side in (-90, 90):
        image[((x - 256 - side) / 70) ** 2 + ((y - 250) / 100) ** 2 < np.sin(np.pi * (index + 1) / (SLICES + 1))] = -850
    return np.clip(image + rng.normal(0, 15, image.shape) + 1024, 0, 4095).astype(np.uint16)


def _make_study(team: Any, user: Any) -> str:
    """Store the series and its segmentation; returns the StudyInstanceUID."""
    from uuid import uuid4

    from medportal.annotations.exchange.services import store
    from medportal.annotations.segmentations.access import State
    from medportal.annotations.segmentations.arrays import frames_of, named
    from medportal.annotations.segmentations.document import runs_of
    from medportal.annotations.segmentations.services import create_segmentation, edit_segmentation
    from medportal.archive import storage
    from medportal.archive.models import Series
    from medportal.archive.run_thumbnail import make_thumbnail
    from medportal.archive.services import store_instance
    from tests import dicom

    rng, uids = np.random.default_rng(0), [dicom.new_uid() for _ in range(3)]
    names = dict(zip(("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"), uids, strict=True))
    for index in range(SLICES):
        path = storage.incoming_dir() / f"{uuid4().hex}.part"
        path.write_bytes(
            dicom.ct_slice(
                _chest(index, rng),
                slice_mm=float(index),
                InstanceNumber=index + 1,
                WindowCenter=40,
                WindowWidth=400,
                **names,
            )
        )
        store_instance(team=team, path=path, actor=user, door="import")
    series = Series.objects.get(series_instance_uid=uids[1])
    make_thumbnail(series.pk)
    state, frames = State(), frames_of(series)
    y, x = np.ogrid[:SIDE, :SIDE]
    for number in range(1, SEGMENTS + 1):
        state.segments[number] = (named(f"segment {number}", number), 0)
        (row, column), start = rng.integers(100, 412, 2), int(rng.integers(0, SLICES - FRAMES_EACH))
        for at in range(FRAMES_EACH):
            radius = (12 + number % 25) * np.sin(np.pi * (at + 0.5) / FRAMES_EACH)
            mask = (y - row) ** 2 + (x - column) ** 2 < radius**2
            state.frames[number, frames[start + at]] = (runs_of(mask).tobytes(), 0)
    made = create_segmentation(user, series, uuid4(), "Hundred", state=state)
    store(user, team.slug, uids[0], "seg", made.uuid)
    edit_segmentation(user, team.slug, uids[0], made.uuid, based_on=1, is_deleted=True)
    return uids[0]


@contextmanager
def _ohif(folder: Path, dicomweb: str, token: str) -> Iterator[str]:
    """Serve OHIF from memory-compressed files, and the DICOMweb root behind it from the same origin."""
    config = {
        "routerBasename": None, "extensions": [], "modes": [], "customizationService": {}, "showStudyList": True,
        "maxNumberOfWebWorkers": 2, "investigationalUseDialog": {"option": "never"}, "defaultDataSourceName": "local",
        "dataSources": [{
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb", "sourceName": "local",
            "configuration": {
                "friendlyName": "local", "name": "local", "qidoRoot": "/dicomweb", "wadoRoot": "/dicomweb",
                "wadoUriRoot": "/dicomweb", "qidoSupportsIncludeField": False, "imageRendering": "wadors",
                "thumbnailRendering": "wadors", "enableStudyLazyLoad": True, "supportsFuzzyMatching": False,
                "supportsWildcard": True, "omitQuotationForMultipartRequest": True,
            },
        }],
    }  # fmt: skip
    kinds = {
        ".js": "text/javascript",
        ".css": "text/css",
        ".wasm": "application/wasm",
        ".html": "text/html",
        ".svg": "image/svg+xml",
    }
    packed: dict[Path, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path.startswith("/dicomweb/"):
                return self._pass_on()
            if path == "/app-config.js":
                return self._answer(f"window.config = {json.dumps(config)};".encode(), "text/javascript")
            file = folder / path.lstrip("/")
            file = file if file.is_file() else folder / "index.html"
            content = packed.setdefault(file, gzip.compress(file.read_bytes(), 6))
            return self._answer(content, kinds.get(file.suffix, "application/octet-stream"), "gzip")

        def _answer(self, content: bytes, kind: str, encoding: str = "") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            if encoding:
                self.send_header("Content-Encoding", encoding)
            self.end_headers()
            self.wfile.write(content)

        def _pass_on(self) -> None:
            headers = {"Authorization": f"Bearer {token}", "Accept": self.headers.get("Accept", "*/*")}
            asked = urllib.request.Request(dicomweb + self.path.removeprefix("/dicomweb"), headers=headers)
            try:
                with urllib.request.urlopen(asked) as response:
                    return self._answer(response.read(), response.headers.get("Content-Type", ""))
            except urllib.error.HTTPError as error:
                self.send_response(error.code)
                self.send_header("Content-Length", "0")
                return self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def _opened(browser: Any, address: str, cookies: list[Any]) -> tuple[Any, dict[str, float]]:
    """Open a study in a fresh context; returns the page and what was measured: ms, kB."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies(cookies)
    context.add_init_script(f"({WATCH})()")
    page, scripts, frames = context.new_page(), list[Any](), dict[str, float]()

    def finished(request: Any) -> None:
        # Workers fetch as well, which the page itself does not see.
        if "/frames/" in request.url:
            frames.setdefault(request.url, time.time())
        elif ".js" in request.url:
            scripts.append(request)

    context.on("requestfinished", finished)
    began = time.time()
    page.goto(address, wait_until="commit")

    def is_open() -> bool:
        # Asking the page lets the events through.
        return bool(page.evaluate("window.__seen?.first")) and len(frames) >= SLICES

    _until(is_open, 180)
    seen = page.evaluate("window.__seen")
    whole = (sorted(frames.values())[SLICES - 1] - began) * 1000
    skip = page.get_by_text("Skip all")
    if skip.count():
        skip.first.click()
    size = sum(request.sizes()["responseBodySize"] for request in scripts) / 1000
    return page, {"first": seen["first"], "all": whole, "js": size}


def _scrolled(page: Any, seconds: float = 5) -> float:
    """Turn the wheel over the picture; returns pictures a second."""
    page.wait_for_timeout(1500)
    page.mouse.move(560, 480)
    page.evaluate("window.__count()")
    page.evaluate("window.__seen.changes = 0")
    began, turns = time.time(), 0
    while time.time() - began < seconds:
        page.mouse.wheel(0, 100 if turns // 100 % 2 == 0 else -100)
        turns += 1
        time.sleep(0.01)
    return float(page.evaluate("window.__seen.changes") / (time.time() - began))


def _segments_of_site(page: Any) -> float:
    page.locator('button:has-text("Hundred")').first.click()
    button = page.get_by_role("button", name="Open it as segments")
    began = time.time()
    button.click()
    rows, layer = (
        page.get_by_role("list", name="Segments").get_by_role("listitem"),
        page.get_by_test_id("segments-layer"),
    )
    _until(lambda: rows.count() >= SEGMENTS and layer.first.get_attribute("data-painted") == "true", 300)
    return time.time() - began


def _segments_of_ohif(page: Any) -> float:
    """Until it asks whether to show them: it has read them by then, and shown is nothing yet."""
    began = time.time()
    page.locator('[data-cy="study-browser-thumbnail-no-image"]').filter(has_text="Hundred").first.dblclick()
    page.locator('[data-cy="yes-hydrate-btn"]').wait_for(timeout=300_000)
    return time.time() - began


def _until(holds: Callable[[], Any], timeout_s: float) -> None:
    deadline = time.time() + timeout_s
    while not holds():
        if time.time() > deadline:
            raise SystemExit(f"not within {timeout_s} s")
        time.sleep(0.05)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ohif", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-segments", action="store_true")
    options = parser.parse_args()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "medportal.config.settings", "DJANGO_ALLOW_ASYNC_UNSAFE": "1"}
    import django

    django.setup()
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS, CHROMIUM
    from tests.rails import running_site, this_process_on

    with tempfile.TemporaryDirectory() as folder, running_site("sqlite", Path(folder)) as site, this_process_on(site):
        from medportal.accounts.models import Team
        from medportal.accounts.services import issue_token
        from tests.factories import make_member, make_user

        site.start_web()
        team = Team.objects.create(slug="demo", name="Demo")
        user = make_member(team, "reader", user=make_user(password=PASSWORD))
        study, token = _make_study(team, user), issue_token(user, name="benchmark")[1]
        with _ohif(options.ohif, f"{site.url}/teams/demo/dicomweb", token) as ohif, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            cookies = _signed_in(browser, site.url, user.username)
            viewers: dict[str, tuple[str, list[Any], Callable[[Any], float]]] = {
                "OHIF": (f"{ohif}/viewer?StudyInstanceUIDs={study}", [], _segments_of_ohif),
                "site": (f"{site.url}/teams/demo/studies/{study}", cookies, _segments_of_site),
            }
            found: dict[str, list[dict[str, float]]] = {name: [] for name in viewers}
            for turn in range(options.rounds):
                for name, (address, own, segments) in viewers.items():
                    page, figures = _opened(browser, address, own)
                    figures["scroll"] = _scrolled(page)
                    if turn == 0 and not options.without_segments:
                        figures["segments"] = segments(page) * 1000
                    found[name].append(figures)
                    print(name, {key: round(value, 1) for key, value in figures.items()}, flush=True)
                    page.context.close()
            _print(found)


def _signed_in(browser: Any, url: str, name: str) -> list[Any]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/login")
    page.locator("input[autocomplete=username]").fill(name)
    page.locator("input[autocomplete=current-password]").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.wait_for_url(re.compile(f"{url}/$"))
    cookies = context.cookies()
    context.close()
    return list(cookies)


def _print(found: dict[str, list[dict[str, float]]]) -> None:
    print(f"\n{'':10}{'OHIF':>10}{'site':>10}{'ratio':>8}")
    for key, unit in (("first", "ms"), ("all", "ms"), ("scroll", "/s"), ("js", "kB"), ("segments", "ms")):
        pairs = [(a[key], b[key]) for a, b in zip(found["OHIF"], found["site"], strict=True) if key in a and key in b]
        if pairs:
            ours, theirs = (statistics.median(pair[at] for pair in pairs) for at in (1, 0))
            ratio = statistics.median(b / a for a, b in pairs)
            print(f"{key + ' ' + unit:10}{theirs:10.0f}{ours:10.0f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
