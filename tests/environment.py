"""The environment of the tests' own process: a data folder of its own, and no broker by accident.

Imported before Django's settings are read.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

DATA_DIR = Path(tempfile.mkdtemp(prefix="medportal-tests-"))
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)

for name in [name for name in os.environ if name.startswith("MEDPORTAL_") and name != "MEDPORTAL_SHARED_DATA"]:
    del os.environ[name]
os.environ["DJANGO_SETTINGS_MODULE"] = "medportal.config.settings"
os.environ["MEDPORTAL_DATA_DIR"] = str(DATA_DIR)
# Nobody answers here: a test that wants a broker asks for one.
os.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"
