"""A report as PDF, set by reportlab; the same parts and the same plots as the page's."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics import shapes as graphics
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    Image,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Table as FlowingTable

from medportal.learning.report.content import Block, Pictures, Section, Table, Text, report_of
from medportal.learning.report.drawing import FAINT, GRID, INK, Drawing, Line, Rectangle, Words
from medportal.learning.report.html import png_of

LATIN, BOLD = "Helvetica", "Helvetica-Bold"
# Every PDF reader brings this font's glyphs along (ISO 32000-1, 9.7.5.2): Chinese, and Greek and Cyrillic with it.
CHINESE = "STSong-Light"
WIDTH = A4[0] - 36 * mm
# About what a character of a table takes, points.
_CHARACTER = 4.3


def pdf_report(document: Mapping[str, Any]) -> bytes:
    """Return the report of an evaluation document as PDF, A4."""
    report = report_of(document)
    _register_font()
    buffer = io.BytesIO()
    margins = {"leftMargin": 18 * mm, "rightMargin": 18 * mm, "topMargin": 16 * mm, "bottomMargin": 16 * mm}
    template = SimpleDocTemplate(buffer, pagesize=A4, title=report.title, author="medportal", **margins)
    flow: list[Flowable] = [_words(report.title, 15, bold=True), _words(report.purpose, 9, colour="#8a1c1c")]
    for section in report.sections:
        flow += _section(section)
    template.build(flow, onFirstPage=_number, onLaterPages=_number)
    return buffer.getvalue()


@cache
def _register_font() -> None:
    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))


def _number(canvas: Any, template: Any) -> None:
    canvas.setFont(LATIN, 7)
    canvas.setFillColor(HexColor(FAINT))
    canvas.drawRightString(A4[0] - 18 * mm, 9 * mm, str(template.page))


def _section(section: Section) -> list[Flowable]:
    heading = _words(section.title, 11, bold=True, before=10)
    first, *others = (_block(block) for block in section.blocks)
    # A heading never stands alone at the foot of a page; a long table breaks, and so it does after a few of its rows.
    flow: list[Flowable] = [CondPageBreak(_least_height(section)), heading, *first]
    for block in others:
        flow += [Spacer(1, 5), *block]
    return flow


def _least_height(section: Section) -> float:
    block = section.blocks[0]
    if isinstance(block, Drawing):
        return 40 + block.height * min(1.0, float(WIDTH) / block.width)
    return 90 if not isinstance(block, Pictures) else 40 + _height(block)


def _block(block: Block) -> list[Flowable]:
    match block:
        case Text():
            return [_words(block.text, 8.5)]
        case Table():
            return [_table(block)]
        case Drawing():
            return [KeepTogether([_words(block.title, 8, colour=FAINT), graphic_of(block)])]
        case Pictures():
            return [Image(io.BytesIO(png_of(block)), width=WIDTH * 0.7, height=_height(block), hAlign="LEFT")]


def _height(pictures: Pictures) -> float:
    rows = -(-len(pictures.images) // 8)
    return float(WIDTH * 0.7 * rows / 8)


def _words(text: str, size: float, *, bold: bool = False, colour: str = INK, before: float = 0) -> Paragraph:
    style = ParagraphStyle(
        "words",
        fontName=BOLD if bold else LATIN,
        fontSize=size,
        leading=size * 1.3,
        spaceBefore=before,
        spaceAfter=2,
        textColor=HexColor(colour),
        splitLongWords=1,
    )
    return Paragraph(marked_up(text), style)


def marked_up(text: str) -> str:
    """Return a text as reportlab's markup, in the Chinese font where the Latin one has no glyph."""
    runs = ((is_latin, "".join(run)) for is_latin, run in groupby(text, key=_is_latin))
    return "".join(
        escape(run) if is_latin else f'<font name="{CHINESE}">{escape(run)}</font>' for is_latin, run in runs
    )


def _is_latin(character: str) -> bool:
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _table(table: Table) -> FlowingTable:
    has_head = any(table.head)
    rows = [[_words(cell, 7.5) for cell in row] for row in table.rows]
    if has_head:
        rows.insert(0, [_words(name, 7.5, bold=True) for name in table.head])
    made = FlowingTable(rows, colWidths=_widths(table), repeatRows=1 if has_head else 0, hAlign="LEFT")
    rules = [("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor(GRID)), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    paddings = [(name, (0, 0), (-1, -1), 1.5) for name in ("TOPPADDING", "BOTTOMPADDING")]
    made.setStyle(TableStyle([*rules, *paddings, ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return made


def _widths(table: Table) -> list[float]:
    """Return the columns' widths: as their words ask, within the page, and where there is not enough no word is broken."""
    columns = [[line[k] for line in (table.head, *table.rows)] for k in range(len(table.head))]
    wanted = [_CHARACTER * min(60, max(map(len, column))) + 10 for column in columns]
    least = [_CHARACTER * min(24, max(_longest_word(cell) for cell in column)) + 10 for column in columns]
    if sum(wanted) <= WIDTH:
        return wanted
    more = max(0.0, WIDTH - sum(least)) / max(sum(wanted) - sum(least), 1.0)
    widths = [low + more * (high - low) for low, high in zip(least, wanted, strict=True)]
    scale = min(1.0, WIDTH / sum(widths))
    return [width * scale for width in widths]


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=1)


def graphic_of(drawing: Drawing) -> graphics.Drawing:
    """Return a drawing as reportlab's, in which y grows upwards."""
    scale = min(1.0, WIDTH / drawing.width)
    made = graphics.Drawing(drawing.width * scale, drawing.height * scale)
    group = graphics.Group(transform=(scale, 0, 0, scale, 0, 0))
    for shape in drawing.shapes:
        group.add(_shape(shape, drawing.height))
    made.add(group)
    return made


def _shape(shape: Line | Rectangle | Words, height: float) -> Any:
    match shape:
        case Line():
            flat = [value for x, y in shape.points for value in (x, height - y)]
            dash = [4, 3] if shape.is_dashed else None
            return graphics.PolyLine(
                flat, strokeColor=HexColor(shape.colour), strokeWidth=shape.width, strokeDashArray=dash
            )
        case Rectangle():
            return graphics.Rect(
                shape.x,
                height - shape.y - shape.height,
                shape.width,
                shape.height,
                fillColor=HexColor(shape.fill),
                strokeColor=None,
            )
        case Words():
            return _label(shape, height)


def _label(words: Words, height: float) -> Any:
    font = LATIN if all(map(_is_latin, words.text)) else CHINESE
    look = {"fontName": font, "fontSize": words.size, "fillColor": HexColor(words.colour), "textAnchor": words.anchor}
    if words.is_upright:
        return graphics.String(words.x, height - words.y, words.text, **look)
    group = graphics.Group(graphics.String(0, 0, words.text, **look))
    group.translate(words.x, height - words.y)
    group.rotate(90)
    return group
