"""Figures are those of the package as it is run; a control is measured on what it was shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medportal.inference.package import open_package
from medportal.inference.predict import answer
from medportal.inference.session import Session
from medportal.learning.assess import as_they_are, assess
from medportal.learning.loop import train
from medportal.learning.package_writer import write_network
from medportal.learning.store import blank_middles
from tests.learning import chests

SPEC = {"recipe": "classification", "model": {"name": "spots", "title": "Spots"}, "data": {}}


def test_a_control_of_the_border_sees_no_middle_in_the_test_either(tmp_path: Path) -> None:
    """The spots lie in the middle: whole images are told apart, and borders are not."""
    config = chests.config(epochs=8, repeats=6, average=0.9)
    task = chests.task_of(chests.prepare(tmp_path / "data", config), config)
    train(task, "classification", checkpoint_dir=tmp_path / "checkpoint")
    write_network(tmp_path / "package", task, SPEC, task.calibrate())

    def found() -> dict[str, object]:
        session = Session(open_package(tmp_path / "package"), use_gpu=False)
        return assess(session, task.prepared, "classes", lambda: None)

    whole = found()
    assert (whole["split"], whole["n"], whole["groups"]) == ("test", 6, 6)
    assert whole["figures"]["auc"]["value"] == 1  # type: ignore[index]
    sexes = whole["document"]["subgroups"]["sex"]  # type: ignore[index]
    assert {row["value"] for row in sexes} <= {"F", "M"}
    assert sum(row["n"] for row in sexes) == 6
    blank_middles(task.prepared)
    assert found()["figures"]["auc"]["value"] <= 0.8  # type: ignore[index]


def test_what_has_been_prepared_is_read_as_what_came(tmp_path: Path) -> None:
    from dataclasses import replace

    config = chests.config(epochs=1, context=1)
    task = chests.task_of(chests.prepare(tmp_path / "data", config), config)
    write_network(tmp_path / "package", task, SPEC, task.calibrate())
    session = Session(open_package(tmp_path / "package"), use_gpu=False)
    number = task.prepared.of_split("test")[0]
    came = answer(session, task.prepared.whole(number).volume)
    manifest = session.package.manifest
    session.package = replace(session.package, manifest=replace(manifest, input=as_they_are(manifest.input)))
    prepared = answer(session, task.prepared.as_prepared(number).volume)
    assert came.slice_probabilities is not None
    assert prepared.slice_probabilities is not None
    np.testing.assert_array_equal(came.slice_probabilities, prepared.slice_probabilities)
    assert came.verdict.probability == pytest.approx(prepared.verdict.probability)
