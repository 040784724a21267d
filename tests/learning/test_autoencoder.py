"""Autoencoders give back what is usual through a code; what they leave out is called an anomaly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medportal.errors import InvalidError
from medportal.inference.manifest import ReconstructionOutput
from medportal.inference.package import open_package
from medportal.inference.predict import answer
from medportal.inference.session import Session, check_golden
from medportal.learning.callbacks import Reports
from medportal.learning.export import check_parity, export_onnx
from medportal.learning.foreign import pasted
from medportal.learning.loop import train
from medportal.learning.networks.autoencoder import DESCRIBED, build_autoencoder, code_values
from medportal.learning.package_writer import write_network
from medportal.learning.recipes import complete_config, input_spec
from medportal.learning.store import Prepared
from medportal.learning.tasks.autoencoder import AutoencoderTask
from tests.learning import chests


class CutOffError(Exception):
    """The machine goes away."""


def config(**settings: Any) -> dict[str, Any]:
    """Return a configuration that learns grey noise in seconds."""
    small = {"size": chests.SIZE, "pixel_mm": 1.0, "width": 4, "depth": 2, "code": 128, "epochs": 2, "batch_size": 16}
    # Without a limit in minutes: with one the learning rate depends on the machine.
    quiet = {
        "minutes": 0.0,
        "deform_probability": 0.0,
        "low": -1.0,
        "high": 3.0,
        "intensity": 0.0,
        "learning_rate": 0.01,
    }
    return complete_config("autoencoder", small | quiet | settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chests.prepare(tmp_path_factory.mktemp("autoencoder") / "data", config())


def task_of(folder: Path, settings: dict[str, Any], classes: tuple[str, ...] = chests.CLASSES) -> AutoencoderTask:
    torch.manual_seed(settings["seed"])
    return AutoencoderTask(Prepared(folder, classes), settings, input_spec(settings, ["CT"]))


@pytest.mark.parametrize("network", ["ae", "vae"])
@pytest.mark.parametrize(("size", "depth"), [(32, 2), (28, 3), (30, 4)])
def test_a_slice_of_any_size_comes_back_through_a_code_of_declared_length(network: str, size: int, depth: int) -> None:
    settings = config(network=network, size=size, depth=depth, code=64)
    one = build_autoencoder(settings, channels=3).eval()
    image, description = one(torch.rand(2, 3, size, size))
    code, *_ = one.encode(torch.rand(2, 3, size, size))

    assert image.shape == (2, 3, size, size)
    assert code[0].numel() == code_values(settings)
    assert description.shape == (2, DESCRIBED)
    assert 0 <= float(image.detach().min()) <= float(image.detach().max()) <= 1


def test_slices_without_a_size_are_refused() -> None:
    with pytest.raises(InvalidError, match="size must not be 0"):
        build_autoencoder(config(size=0, fit="pixels"), channels=1)


def test_it_learns_what_is_usual_and_finds_what_is_not(folder: Path, tmp_path: Path) -> None:
    task = task_of(folder, config(epochs=24, average=0.9))
    outcome = train(task, "autoencoder", checkpoint_dir=tmp_path / "c")
    first, last = outcome.history[0], outcome.history[-1]

    assert last["losses"]["train_loss"] < first["losses"]["train_loss"] / 2
    assert last["figures"]["psnr"] > first["figures"]["psnr"]
    assert last["figures"]["anomaly_auc"] > 0.95
    output = task.calibrate()
    assert isinstance(output, ReconstructionOutput)
    _, scores = task._measured(task.refs("validation"))
    odd = np.array([task.is_odd(ref) for ref in task.refs("validation")])
    assert np.mean(scores[odd] >= output.threshold) > 0.8
    assert output.compression == chests.SIZE**2 / 128


def test_descriptions_of_like_slices_are_alike(folder: Path, tmp_path: Path) -> None:
    task = task_of(folder, config(epochs=12))
    train(task, "autoencoder", checkpoint_dir=tmp_path / "c")
    bright = torch.rand(4, 1, chests.SIZE, chests.SIZE) * 0.2
    bright[:2, :, :, : chests.SIZE // 2] += 0.5
    bright[2:, :, :, chests.SIZE // 2 :] += 0.5
    with torch.no_grad():
        _, found = task.averaged(bright)
    alike = torch.cosine_similarity(found[:, None], found[None], dim=2)

    assert min(alike[0, 1], alike[2, 3]) > alike[:2, 2:].max() + 0.05


def test_only_slices_that_show_nothing_are_learnt_from(folder: Path) -> None:
    task = task_of(folder, config())
    every = task_of(folder, config(normal_only=False))

    assert not any(task.is_odd(ref) for ref in task.epoch(0))
    assert any(every.is_odd(ref) for ref in every.epoch(0))
    assert sorted(task.epoch(0)) == sorted(task.epoch(1))
    assert task.epoch(0) != task.epoch(1)


def test_what_is_odd_is_known_by_label_box_or_mask(folder: Path) -> None:
    task = task_of(folder, config())
    item = task.prepared.items[1]
    box = ("spot", 2.0, 4.0, 4.0, 3.0, 9.0, 9.0)

    assert [task.is_odd((1, k)) for k in range(chests.SLICES)] == [False, True] * 3
    task.prepared.items[1] = replace(item, slice_labels=(None,) * chests.SLICES)
    assert task.is_odd((1, 1)) is None
    nameless = task_of(folder, config(), classes=())
    assert nameless.is_odd((1, 1)) is None
    assert len(nameless.epoch(0)) == len(nameless.refs("train"))
    boxed = task_of(folder, config(), classes=("spot",))
    boxed.prepared.items[1] = replace(item, boxes=(box,))
    assert [boxed.is_odd((1, k)) for k in range(4)] == [False, False, True, False]


def test_without_any_truth_the_threshold_is_passed_by_hardly_a_series(folder: Path) -> None:
    task = task_of(folder, config(), classes=())
    output = task.calibrate()
    _, scores = task._measured(task.refs("validation"))

    assert isinstance(output, ReconstructionOutput)
    assert np.mean(scores >= output.threshold) <= 1 / len(task.prepared.of_split("validation"))
    assert output.full_scale == pytest.approx(2 * output.threshold)


def test_the_threshold_is_not_drawn_to_one_half(folder: Path) -> None:
    """Scores are no probabilities: of two thresholds as good, the one nearer to one half is no better."""

    class Scored(AutoencoderTask):
        def _measured(self, refs: Any, check: Any = None) -> Any:
            highest = dict(zip(self.prepared.of_split("validation"), (0.05, 0.09, 0.06, 0.12, 0.1, 0.2), strict=True))
            scores = np.array([highest[number] for number, _ in refs], np.float32)
            return scores, scores

    task = Scored(Prepared(folder, chests.CLASSES), config(), input_spec(config(), ["CT"]))
    assert [task._is_odd_series(number) for number in task.prepared.of_split("validation")] == [False, True] * 3
    output = task.calibrate()
    assert isinstance(output, ReconstructionOutput)
    assert output.threshold == pytest.approx(0.075)


def test_pasting_changes_a_little_of_most_slices_and_nothing_outside_them() -> None:
    images = torch.rand(16, 2, 24, 32)
    seen = pasted(images, 1.0, torch.Generator().manual_seed(1))
    changed = (seen != images).flatten(1).float().mean(1)

    assert torch.equal(pasted(images, 0.0, torch.Generator()), images)
    assert torch.equal(pasted(images, 1.0, torch.Generator().manual_seed(1)), seen)
    assert (changed > 0).float().mean() > 0.8
    assert float(changed.mean()) < 0.3
    assert 0 <= float(seen.min()) <= float(seen.max()) <= 1
    few = pasted(images, 0.2, torch.Generator().manual_seed(1))
    assert (few == images).flatten(1).all(1).any()


@pytest.mark.parametrize("network", ["ae", "vae"])
def test_onnx_says_the_same_for_any_number_of_slices(folder: Path, tmp_path: Path, network: str) -> None:
    task = task_of(folder, config(network=network))
    export_onnx(task.averaged, task.export(), tmp_path / "model.onnx")
    parity = check_parity(task, tmp_path / "model.onnx")

    assert parity["samples"] == len(task.refs("validation"))
    assert parity["largest_reconstruction_difference"] < 1e-4
    assert parity["largest_embedding_difference"] < 1e-4


def test_a_package_gives_back_a_series(folder: Path, tmp_path: Path) -> None:
    task = task_of(folder, config())
    spec = {"recipe": "autoencoder", "model": {"name": "usual", "title": "Usual"}, "data": {}}
    write_network(tmp_path, task, spec, task.calibrate())
    package = open_package(tmp_path)
    volume = task.prepared.whole(task.prepared.of_split("test")[0]).volume
    found = answer(Session(package, use_gpu=False), volume)

    assert check_golden(package) < 1e-5
    assert found.scores is not None
    assert len(found.scores) == chests.SLICES
    assert found.verdict.measures["compression"] == chests.SIZE**2 / 128


@pytest.mark.parametrize("network", ["ae", "vae"])
def test_cut_off_it_goes_on_as_it_would_have(folder: Path, tmp_path: Path, network: str) -> None:
    settings = config(epochs=3, network=network)
    whole = train(task_of(folder, settings), "autoencoder", checkpoint_dir=tmp_path / "whole")

    def cut(figures: dict[str, Any]) -> None:
        if figures["epoch"] == 1:
            raise CutOffError

    with pytest.raises(CutOffError):
        train(task_of(folder, settings), "autoencoder", checkpoint_dir=tmp_path / "cut", reports=Reports(epoch=cut))
    resumed = train(task_of(folder, settings), "autoencoder", checkpoint_dir=tmp_path / "cut")

    for ours, theirs in zip(resumed.history, whole.history, strict=True):
        assert ours["losses"] == pytest.approx(theirs["losses"], rel=1e-3)
        assert ours["figures"] == pytest.approx(theirs["figures"], rel=1e-3)


def test_the_page_is_shown_slices_beside_what_comes_back(folder: Path) -> None:
    task = task_of(folder, config())
    shown = task.previews()

    assert shown[0].image.shape == (chests.SIZE, 3 * chests.SIZE)
    assert len(task.pictured(task.some(40), torch.Generator().manual_seed(1))) == 40
