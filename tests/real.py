"""Where real images lie, for tests that want them: `MEDPORTAL_SHARED_DATA`, by default beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.processes import ROOT

DATA = Path(os.environ.get("MEDPORTAL_SHARED_DATA") or ROOT.parent / "shared" / "data")
MR_SERIES = DATA / "series" / "mr-t1-120"
needs_real_data = pytest.mark.skipif(
    not (DATA / "manifest.csv").is_file(),
    reason="no real images: MEDPORTAL_SHARED_DATA names no folder that holds them",
)
