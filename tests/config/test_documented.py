"""Every setting is in the README's table and in deploy/env.example, and nothing else is."""

from __future__ import annotations

import re

from tests.processes import ROOT

# How a process is told what it is; not for people to set.
INTERNAL = {"MEDPORTAL_QUEUE"}


def settings_read() -> set[str]:
    code = "".join(path.read_text() for path in sorted((ROOT / "medportal" / "config").glob("*.py")))
    named = re.findall(r'"((?:MEDPORTAL_[A-Z_]+|DATABASE_URL|REDIS_URL|FORWARDED_ALLOW_IPS|HOST|PORT))"', code)
    return set(named) - INTERNAL


def test_the_readme_has_each_setting() -> None:
    table = re.findall(r"^\| (`[A-Z_`, ]+`) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {name for cell in table for name in re.findall("[A-Z_]+", cell)} == settings_read()


def test_the_example_has_each_setting() -> None:
    example = (ROOT / "deploy" / "env.example").read_text()
    # Debugging is for nobody's deployment.
    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) == settings_read() - {"MEDPORTAL_DEBUG"}
