"""Reports: what a document holds is shown, what it lacks is left out, and nothing from outside is needed."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import pytest

from medportal.learning.report import html_report, pdf_report
from medportal.learning.report.drawing import Axis, curves, intervals, shade
from medportal.learning.report.html import svg_of
from medportal.learning.report.pdf import graphic_of, marked_up
from medportal.learning.report.words import DEFINITIONS, title_of

SURE = {"value": 0.9, "low": 0.85, "high": 0.95}
BARE: dict[str, Any] = {
    "format": 1,
    "task": "classification",
    "model": "lung",
    "version": 3,
    "sha256": "ab" * 32,
    "cohort": "chests",
    "cohort_version": 2,
    "split": "test",
    "n": 20,
    "groups": 10,
    "classes": ["正常", "<script>alert(1)</script>"],
    "metrics": {"accuracy": SURE, "auc": {"value": None, "low": None, "high": None}},
    "per_class": {},
}
FULL = BARE | {
    "metrics": {"accuracy": SURE, "hd95": {"value": 3.25, "low": None, "high": None}, "sensitivity_at_0.5": SURE},
    "units": {"hd95": "mm"},
    "per_class": {name: {"recall": SURE, "sensitivity_at_1": SURE} for name in BARE["classes"]},
    "curves": {
        "roc": {name: [[0, 0], [0.1, 0.8], [1, 1]] for name in (*"abcdefghij", "正常")},
        "pr": {"a": [[0.5, 1], [1, 0.5]]},
        "froc": {"a": [[0, 0], [0.5, 0.6], [20, 0.9]]},
    },
    "confusion": {"classes": BARE["classes"], "counts": [[9, 1], [0, 10]]},
    "calibration": {"bins": [{"low": 0.0, "high": 0.1, "n": 4, "confidence": 0.05, "frequency": 0.25}]},
    "slices": {"n": 60, "metrics": {"accuracy": SURE}},
    "subgroups": {"sex": [{"value": "F", "n": 12, "groups": 6, "metrics": {"accuracy": SURE}}]},
    "samples": [{"caption": "a", "side": 4, "grey": base64.b64encode(bytes(range(16))).decode()}] * 9,
    "cases": [
        {
            "series_uid": "1.2.3",
            "study_uid": "1.2",
            "group": "p1",
            "truth": "正常",
            "prediction": "",
            "score": 0.25,
            "loss": 1.4,
            "slice": 4,
        }
    ],
    "failed": [{"series_uid": "1.2.9", "code": "torn", "detail": "The file is torn."}],
    "seen_in_training": {"series": 3, "groups": 2},
    "worth": {
        way: {"training_images": 90, "measured_images": 30, "metrics": {"balanced_accuracy": SURE}}
        for way in ("both", "real", "generated")
    },
    "controls": {"image-border": {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}}},
}


class _Page(HTMLParser):
    """Collects headings, and checks that what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "img", "polyline", "rect"}:
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"polyline", "rect"}:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def test_a_page_shows_all_parts_and_needs_nothing_from_outside() -> None:
    text = html_report(FULL, link=lambda study, series, number: f"/viewer/{study}?series={series}&slice={number}")
    page = _Page(text)

    assert page.open == []
    assert page.headings == [
        "What was evaluated",
        "Seen in training",
        "Figures",
        "Controls",
        "Classes",
        "Curves",
        "Confusion",
        "Calibration",
        "Slices",
        "Subgroups",
        "What the images are worth",
        "Generated images, synthetic",
        "Worst cases",
        "Not evaluated",
        "Definitions",
    ]
    assert [link for link in page.links if not link.startswith("data:image/png")] == [
        "/viewer/1.2?series=1.2.3&slice=4"
    ]
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "HD95, mm" in text
    assert "0.900 (0.850 to 0.950)" in text
    assert "not for diagnosis" in text
    assert "3 of these series, and 2 of the groups" in text
    assert "real images</td><td>90</td><td>0.900 (0.850 to 0.950)" in text
    assert text.index("generated images alone") < text.index("<td>both</td>")


def test_a_bare_document_makes_a_short_page() -> None:
    page = _Page(html_report(BARE))
    assert page.headings == ["What was evaluated", "Figures", "Definitions"]
    nothing = {"seen_in_training": {"series": 0, "groups": 0}}
    assert _Page(html_report(BARE | nothing)).headings == page.headings


@pytest.mark.parametrize("document", [FULL, BARE])
def test_a_pdf_is_made_and_names_the_chinese_font_where_it_is_needed(document: dict[str, Any]) -> None:
    content = pdf_report(document)

    assert content.startswith(b"%PDF-")
    assert b"STSong-Light" in content
    assert len(re.findall(rb"/Type /Page\b", content)) >= 1


def test_long_tables_go_on_on_the_next_page() -> None:
    case = FULL["cases"][0] | {"truth": "a class with a name of some length", "series_uid": "1.2." + "3" * 60}
    content = pdf_report(FULL | {"cases": [case] * 200})
    assert len(re.findall(rb"/Type /Page\b", content)) >= 5


def test_words_without_a_latin_glyph_are_set_in_the_chinese_font() -> None:
    assert marked_up("a & 肺 b") == 'a &amp; <font name="STSong-Light">肺</font> b'


def test_one_drawing_is_the_same_in_both() -> None:
    drawn = curves("ROC", {"a": [(0, 0), (1, 1)], "b": [(0, 0), (0, 1)]}, x_title="x", y_title="y", has_diagonal=True)
    svg, graphic = ET.fromstring(svg_of(drawn)), graphic_of(drawn)

    assert len(svg) == len(drawn.shapes) == len(graphic.contents[0].contents)
    assert graphic.width == drawn.width


def test_rates_lie_evenly_on_their_logarithms_and_never_beyond_the_ends() -> None:
    axis = Axis(0.125, 8, 0, 60, (), is_log=True)
    assert [axis.at(rate) for rate in (0, 0.125, 0.25, 1, 8, 50)] == pytest.approx([0, 0, 10, 30, 60, 60])


def test_intervals_leave_out_what_is_not_known() -> None:
    drawn = intervals([("a", 0.5, 0.4, 0.6), ("b", 0.5, None, None)])
    assert sum(getattr(shape, "width", 0) == 2 for shape in drawn.shapes) == 1
    assert shade("#000000", 0) == "#ffffff"


def test_every_figure_with_a_definition_has_a_name() -> None:
    for name in DEFINITIONS:
        assert title_of(name, {}) != name
    assert title_of("sensitivity_at_0.5", {}) == "Sensitivity at 0.5 FP"
