"""YOLO's texts: for each object of a picture a line, `class centre-x centre-y width height` in parts of its sides."""

from __future__ import annotations

import re
from pathlib import Path

from medportal.cohorts.datasets.files import read_bytes
from medportal.errors import InvalidError
from medportal.imaging.limits import MIB

TEXT_BYTES = 4 * MIB
_NAME_LISTS = ("classes.txt", "obj.names", "labels.txt")
_IN_BRACKETS = re.compile(r"'([^']*)'|\"([^\"]*)\"|([^\s,\[\]'\"][^,\[\]\n]*)")

Corners = tuple[float, float, float, float]


def class_names(root: Path) -> list[str]:
    """Return the classes' names in order of their numbers, by `data.yaml` or `classes.txt`; [] where nothing tells."""
    for path in sorted(path for path in root.iterdir() if path.suffix.lower() in (".yaml", ".yml")):
        text = _text(path)
        if found := re.search(r"^names\s*:(.*?)(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL):
            body = found[1]
            if "[" in body:
                return ["".join(parts).strip() for parts in _IN_BRACKETS.findall(body[: body.find("]")])]
            return [name for line in body.splitlines() if (name := _named(line))]
    lists = [folder / name for folder in (root, root / "labels") for name in _NAME_LISTS]
    names = next((_text(path).splitlines() for path in lists if path.is_file()), [])
    return [name.strip() for name in names if name.strip()]


def _named(line: str) -> str:
    """Return the name that a line of a list gives, `- cat` or `0: cat`; "" where it gives none."""
    mark, _, name = line.strip().partition(" ")
    is_item = mark == "-" or (mark.endswith(":") and mark[:-1].isdecimal())
    return name.split("#", 1)[0].strip().strip("'\"") if is_item else ""


def is_annotation(path: Path) -> bool:
    """Say whether a text is of a picture, and no list of names."""
    return path.name.casefold() not in (*_NAME_LISTS, "readme.txt")


def read_boxes(path: Path, names: list[str]) -> list[tuple[str, Corners]]:
    """Return [(class, (left, top, right, bottom) in parts of the picture's sides)] of a picture's text.

    A line of more numbers is a polygon, and its box is around it. Raises InvalidError `box`, naming the line.
    """
    boxes = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            first, *values = line.split()
            index, numbers = int(first), [float(value) for value in values]
            label = names[index] if names else str(index)
        except (ValueError, IndexError) as error:
            raise InvalidError("box", f"line {number} is no box of a known class: “{line[:60]}”.") from error
        boxes.append((label, _corners(numbers, number)))
    return boxes


def _corners(numbers: list[float], line: int) -> Corners:
    if any(not -1 <= value <= 2 for value in numbers):
        raise InvalidError("box", f"line {line} is not in parts of the picture's sides.")
    if len(numbers) == 4:
        x, y, width, height = numbers
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])
    raise InvalidError("box", f"line {line} is neither a box nor a polygon.")


def _text(path: Path) -> str:
    return read_bytes(path, TEXT_BYTES).decode("utf-8", "replace")
