"""A report as one HTML file that needs nothing else: styles and plots are within."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from PIL import Image

from medportal.learning.report.content import Block, Pictures, Report, Section, Table, Text, grid_of, report_of
from medportal.learning.report.drawing import Drawing, Line, Rectangle, Words

# (study UID, series UID, slice from 0) → address of the viewer.
Link = Callable[[str, str, int], str]
_STYLE = """
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI","Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;
color:#1f2933;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #d9dee5}
.purpose{color:#8a1c1c;margin-top:0}.wide{overflow-x:auto}table{border-collapse:collapse;margin:.6rem 0;font-size:.9rem}
th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid #e7ebf0;vertical-align:top}
td:first-child{overflow-wrap:anywhere;min-width:9rem}
th{font-weight:600}td:not(:first-child){font-variant-numeric:tabular-nums}figure{display:inline-block;margin:.6rem 1rem .6rem 0}
figcaption{font-size:.85rem;color:#6b7280}img{image-rendering:pixelated;max-width:100%}svg{max-width:100%;height:auto}
@media print{h2{break-after:avoid}figure,tr{break-inside:avoid}}
"""


def html_report(document: Mapping[str, Any], *, link: Link | None = None) -> str:
    """Return the report of an evaluation document as HTML; `link` leads from the worst cases to the viewer."""
    report = report_of(document)
    body = "".join(_section(section, link) for section in report.sections)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{_STYLE}</style></head><body><main>{_head(report)}{body}</main></body></html>\n"
    )


def _head(report: Report) -> str:
    return f'<h1>{escape(report.title)}</h1><p class="purpose">{escape(report.purpose)}</p>'


def _section(section: Section, link: Link | None) -> str:
    return (
        f"<section><h2>{escape(section.title)}</h2>{''.join(_block(block, link) for block in section.blocks)}</section>"
    )


def _block(block: Block, link: Link | None) -> str:
    match block:
        case Text():
            return f"<p>{escape(block.text)}</p>"
        case Table():
            return _table(block, link)
        case Drawing():
            return f"<figure>{svg_of(block)}<figcaption>{escape(block.title)}</figcaption></figure>"
        case Pictures():
            return _pictures(block)


def _table(table: Table, link: Link | None) -> str:
    has_head = any(table.head)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.head)
    rows = []
    for k, row in enumerate(table.rows):
        cells = [escape(cell) for cell in row]
        target = table.links[k] if table.links else None
        if link is not None and target is not None:
            cells[0] = f'<a href="{escape(link(*target), quote=True)}">{cells[0]}</a>'
        first = f"<td>{cells[0]}</td>" if has_head else f'<th scope="row">{cells[0]}</th>'
        rows.append("<tr>" + first + "".join(f"<td>{cell}</td>" for cell in cells[1:]) + "</tr>")
    top = f"<thead><tr>{head}</tr></thead>" if has_head else ""
    return f'<div class="wide"><table>{top}<tbody>{"".join(rows)}</tbody></table></div>'


def _pictures(pictures: Pictures) -> str:
    data = base64.b64encode(png_of(pictures)).decode()
    names = ", ".join(dict.fromkeys(name for name, _ in pictures.images if name))
    alt = escape(f"Synthetic images {names}".strip(), quote=True)
    return f'<figure><img width="528" alt="{alt}" src="data:image/png;base64,{data}"><figcaption>{alt}</figcaption></figure>'


def png_of(pictures: Pictures) -> bytes:
    """Return the images as one PNG."""
    buffer = io.BytesIO()
    Image.fromarray(grid_of(pictures)).save(buffer, "PNG")
    return buffer.getvalue()


def svg_of(drawing: Drawing) -> str:
    """Return a drawing as SVG."""
    shapes = "".join(_shape(shape) for shape in drawing.shapes)
    return (
        f'<svg role="img" aria-label="{escape(drawing.title, quote=True)}" xmlns="http://www.w3.org/2000/svg" '
        f'width="{drawing.width * 1.4:.0f}" viewBox="0 0 {drawing.width:g} {drawing.height:g}">{shapes}</svg>'
    )


def _shape(shape: Line | Rectangle | Words) -> str:
    match shape:
        case Line():
            points = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.points)
            dash = ' stroke-dasharray="4 3"' if shape.is_dashed else ""
            return f'<polyline points="{points}" fill="none" stroke="{shape.colour}" stroke-width="{shape.width:g}"{dash}/>'
        case Rectangle():
            place = f'x="{shape.x:.2f}" y="{shape.y:.2f}" width="{shape.width:.2f}" height="{shape.height:.2f}"'
            return f'<rect {place} fill="{shape.fill}"/>'
        case Words():
            turn = "" if shape.is_upright else f' transform="rotate(-90 {shape.x:g} {shape.y:g})"'
            place = f'x="{shape.x:.2f}" y="{shape.y:.2f}" font-size="{shape.size:g}" text-anchor="{shape.anchor}"'
            return f'<text {place} fill="{shape.colour}"{turn}>{escape(shape.text)}</text>'
