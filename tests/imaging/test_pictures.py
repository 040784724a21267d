"""Picture files: decoded in the child, pixel by pixel; what is broken or too large is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medportal.errors import MedportalError
from medportal.imaging.decoder import Decoder
from medportal.imaging.pictures import read_label_picture, read_picture
from tests.dicom import noise


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


GREY, COLOUR, WIDE = noise(5, 7, high=256), noise(5, 7, high=256, samples=3), noise(5, 7, high=65_536)


def test_each_mode_is_read_as_it_is(decoder: Decoder) -> None:
    grey, colour = Image.fromarray(GREY), Image.fromarray(COLOUR)
    opaque = Image.fromarray(np.dstack([COLOUR, np.full((5, 7), 9, np.uint8)]))
    palette = colour.convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    cases: dict[str, tuple[bytes, np.ndarray]] = {
        "grey": (encoded(grey), GREY),
        "grey with transparency": (encoded(grey.convert("LA")), GREY),
        "colour": (encoded(colour), COLOUR),
        "colour with transparency": (encoded(opaque), COLOUR),
        "colour that is grey": (encoded(grey.convert("RGB")), GREY),
        "sixteen bits": (encoded(Image.fromarray(WIDE)), WIDE),
        "bitmap": (encoded(colour, "BMP"), COLOUR),
        "palette": (encoded(palette), np.asarray(palette.convert("RGB"))),
        "one bit": (encoded(Image.fromarray(GREY > 128)), (GREY > 128).astype(np.uint8)),
        "grey TIFF": (encoded(grey, "TIFF"), GREY),
        "colour TIFF": (encoded(colour, "TIFF", compression="tiff_lzw"), COLOUR),
        "TIFF of sixteen bits": (encoded(Image.fromarray(WIDE), "TIFF", compression="tiff_adobe_deflate"), WIDE),
        "the first page of a TIFF": (encoded(grey, "TIFF", save_all=True, append_images=[colour]), GREY),
        "GIF": (encoded(grey, "GIF"), GREY),
        "the first frame of a GIF": (encoded(grey, "GIF", save_all=True, append_images=[grey.rotate(180)]), GREY),
    }
    for name, (data, wanted) in cases.items():
        array = read_picture(data, decoder)
        assert (array.dtype, array.shape) == (wanted.dtype, wanted.shape), name
        assert np.array_equal(array, wanted), name
    for kind in (grey, colour, colour.convert("CMYK")):
        data = encoded(kind, "JPEG", quality=90)
        wanted = np.asarray(Image.open(io.BytesIO(data)).convert("L" if kind is grey else "RGB"))
        assert np.array_equal(read_picture(data, decoder), wanted)


def test_a_palette_picture_is_a_mask_of_its_indices(decoder: Decoder) -> None:
    numbers = noise(5, 7, high=4)
    picture = Image.fromarray(numbers.astype(np.uint8), "P")
    picture.putpalette(list(range(255, -1, -1)) * 3)
    mask = read_label_picture(encoded(picture), decoder)
    assert np.array_equal(mask.array, numbers)
    assert (mask.is_palette, mask.is_lossy) == (True, False)
    assert read_label_picture(encoded(Image.fromarray(GREY), "JPEG"), decoder).is_lossy
    assert np.array_equal(read_label_picture(encoded(Image.fromarray(COLOUR)), decoder).array, COLOUR)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_that_has_black_elsewhere_is_its_colours(decoder: Decoder, kind: str) -> None:
    numbers = noise(5, 7, high=2).astype(np.uint8)
    picture = Image.fromarray(numbers)
    picture.putpalette([255, 255, 255, 0, 0, 0])
    mask = read_label_picture(encoded(picture, kind), decoder)
    assert np.array_equal(mask.array, np.where(numbers, 0, 255))
    assert not mask.is_palette


def test_what_is_broken_is_refused(decoder: Decoder) -> None:
    png, jpeg = encoded(Image.fromarray(noise(64, 64, high=256))), encoded(Image.fromarray(COLOUR), "JPEG")
    faults = {
        "nothing": b"",
        "text": b"no picture at all",
        "a PNG cut short": png[: len(png) // 2],
        "a PNG whose data are wrong": png.replace(b"IDAT", b"IDAT\x01", 1),
        "a JPEG's head alone": jpeg[:30],
        "another format": encoded(Image.fromarray(GREY), "PPM"),
        "a TIFF of fractions": encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"),
    }
    for name, data in faults.items():
        with pytest.raises(MedportalError) as refused:
            read_picture(data, decoder)
        assert refused.value.code == "picture", name
    large = encoded(Image.new("1", (12_000, 12_000)))
    with pytest.raises(MedportalError) as refused:
        read_picture(large, decoder)
    assert refused.value.code == "pixel_limit"
