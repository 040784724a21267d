"""What the tests of images share: objects as files, and one decoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from medportal.errors import MedportalError
from medportal.imaging.headers import Header, read_header


@pytest.fixture
def as_file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / f"{uuid4().hex}.dcm"
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def header_of(as_file: Callable[[bytes], Path]) -> Callable[[bytes], Header]:
    return lambda data: read_header(as_file(data))


@pytest.fixture
def refusal_of(as_file: Callable[[bytes], Path]) -> Callable[[bytes], MedportalError]:
    """Return a function that gives the error with which an object is refused."""

    def refuse(data: bytes) -> MedportalError:
        with pytest.raises(MedportalError) as caught:
            read_header(as_file(data))
        return caught.value

    return refuse
