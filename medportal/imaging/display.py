"""How an object's frames leave for a viewer: as they are stored, decoded, or turned into RGB; and with which header."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.imaging import uids
from medportal.imaging.attributes import Attributes
from medportal.imaging.frames import Array, PixelDescription, palette_to_rgb, ybr_to_rgb
from medportal.imaging.json_model import Model

ServedAs = Literal["stored", "decoded", "rgb", ""]
_COLOURS = ("Red", "Green", "Blue")


def served_as(pixel: PixelDescription | None, sop_class_uid: str) -> ServedAs:
    """Return how frames leave; '' where they cannot be shown at all.

    Viewers disagree about palettes and native YBR, browsers' codecs about 12-bit JPEG and JPEG XL: those are turned
    into what all agree about. Segmentations keep their single bits: their readers want them so.
    """
    if pixel is None or not (pixel.is_native or pixel.transfer_syntax_uid in uids.COMPRESSED):
        return ""
    if pixel.photometric_interpretation == "PALETTE COLOR" or (
        pixel.samples_per_pixel == 3 and (pixel.bits_allocated != 8 or _is_odd_colour(pixel))
    ):
        return "rgb"
    if pixel.bits_allocated == 1 and sop_class_uid != uids.SEGMENTATION:
        return "decoded"
    return "decoded" if pixel.transfer_syntax_uid in _NOT_FOR_BROWSERS else "stored"


_NOT_FOR_BROWSERS = (
    frozenset({uids.JPEG_EXTENDED, uids.EXPLICIT_BE, uids.DEFLATED_FRAMES, uids.ENCAPSULATED_LE}) | uids.JPEG_XL
)


def _is_odd_colour(pixel: PixelDescription) -> bool:
    is_ybr = pixel.photometric_interpretation.startswith("YBR")
    return (is_ybr and pixel.is_native) or pixel.transfer_syntax_uid in uids.JPEG_XL


def to_rgb(frame: Array, pixel: PixelDescription, attributes: Attributes) -> NDArray[np.uint8]:
    """Return a decoded colour frame as RGB of 8 bits, shape (rows, columns, 3).

    Raises InvalidError `palette` for a palette that is missing or of another kind.
    """
    if pixel.photometric_interpretation == "PALETTE COLOR":
        return palette_to_rgb(frame, *_palette(attributes))
    if frame.dtype.itemsize > 1:
        frame = np.right_shift(frame, np.asarray(max(pixel.bits_stored - 8, 0), frame.dtype))
    # Codecs have turned colour into RGB already; native YBR has not been touched.
    if pixel.photometric_interpretation.startswith("YBR") and pixel.is_native:
        return ybr_to_rgb(frame)
    return frame[..., :3].astype(np.uint8)


def _palette(attributes: Attributes) -> tuple[list[Array], int]:
    """Return the three tables of a PALETTE COLOR object and the value of their first entry (PS3.3 C.7.6.3.1.5-6)."""
    tables: list[Array] = []
    first_value = 0
    for colour in _COLOURS:
        descriptor = attributes.numbers(f"{colour}PaletteColorLookupTableDescriptor", 3)
        if descriptor is None:
            raise InvalidError("palette", "The object's palette is missing or of a kind that cannot be shown.")
        entries, first_value, bits = int(descriptor[0]) or 65_536, int(descriptor[1]), int(descriptor[2])
        name = f"{colour}PaletteColorLookupTableData"
        if f"Segmented{name}" in attributes:
            tables.append(_joined(attributes.binary(f"Segmented{name}"), bits, entries))
            continue
        data = attributes.binary(name)
        # Eight-bit entries are often stored as words all the same.
        is_wide = bits > 8 or len(data) >= 2 * entries
        table = np.frombuffer(data[: len(data) // 2 * 2] if is_wide else data, np.dtype("<u2") if is_wide else np.uint8)
        if not len(table):
            raise InvalidError("palette", "The object's palette is empty.")
        if bits <= 8 and is_wide:
            table = table.astype(np.uint8)
        tables.append(table)
    size = min(len(table) for table in tables)
    return [table[:size] for table in tables], first_value


def _joined(data: bytes, bits: int, entries: int) -> Array:
    """Return a table that is given in segments (PS3.3 C.7.9.2): discrete, linear, and repeats of earlier ones."""
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2") if bits > 8 else np.frombuffer(data, np.uint8)
    values: list[int] = words.tolist()
    table: list[int] = []
    at = 0

    def put(start: int) -> int:
        """Add the segment at `start` and return where it ends."""
        kind, count = values[start], values[start + 1]
        if kind == 0:
            table.extend(values[start + 2 : start + 2 + count])
            return start + 2 + count
        if kind == 1:
            # From the last value to the given one, which is the last of the new ones.
            table.extend(np.linspace(table[-1], values[start + 2], count + 1)[1:].round().astype(int).tolist())
            return start + 3
        raise InvalidError("palette", "The object's palette holds a segment of an unknown kind.")

    try:
        while at < len(values) - 1 and len(table) < entries:
            if values[at] != 2:
                at = put(at)
                continue
            position = values[at + 2] | values[at + 3] << (16 if bits > 8 else 8)
            for _ in range(values[at + 1]):
                position = put(position)
            at += 4
    except IndexError:
        raise InvalidError("palette", "The object's palette is not whole.") from None
    return np.asarray(table[:entries], np.uint16 if bits > 8 else np.uint8)


def model_as_served(model: Model, kind: str) -> Model:
    """Return metadata that fits the frames as they are served (`served_as`)."""
    if kind not in ("decoded", "rgb"):
        return model
    changed: Model = {"00083002": {"vr": "UI", "Value": [uids.EXPLICIT_LE]}}
    if kind == "rgb":
        palette = {f"002812{part}{n}" for part in "02" for n in (1, 2, 3)} | {f"0028110{n}" for n in (1, 2, 3)}
        model = {tag: element for tag, element in model.items() if tag not in palette}
        changed |= {
            "00280002": _short(3),
            "00280004": {"vr": "CS", "Value": ["RGB"]},
            "00280006": _short(0),
            "00280103": _short(0),
            **_bits(8),
        }
    else:
        if model.get("00280100", {}).get("Value") == [1]:
            changed |= _bits(8)
        if "00280006" in model:
            changed["00280006"] = _short(0)
    return {**model, **changed}


def _bits(number: int) -> Model:
    return {"00280100": _short(number), "00280101": _short(number), "00280102": _short(number - 1)}


def _short(value: int) -> dict[str, object]:
    return {"vr": "US", "Value": [value]}
