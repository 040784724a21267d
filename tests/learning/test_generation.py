"""A generator learns to paint images of each class; its critic stays behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medportal.errors import InvalidError
from medportal.imaging.generated import PATIENT_PREFIX
from medportal.imaging.volumes import Volume
from medportal.inference.generate import generate
from medportal.inference.manifest import GenerationOutput
from medportal.inference.package import open_package
from medportal.inference.session import Session, check_golden
from medportal.learning import checkpoints
from medportal.learning.callbacks import Reports
from medportal.learning.critic_views import adapted, viewed
from medportal.learning.export import check_parity, export_onnx
from medportal.learning.loop import train
from medportal.learning.networks.generator import build_pair
from medportal.learning.package_writer import write_network
from medportal.learning.prepared import SeriesToPrepare, write_prepared
from medportal.learning.recipes import complete_config, input_spec
from medportal.learning.store import Prepared
from medportal.learning.synthetic import worth
from medportal.learning.tasks.generation import GenerationTask

CLASSES = ("left", "right")
SIZE = 16


class CutOffError(Exception):
    """The machine goes away."""


def config(**settings: Any) -> dict[str, Any]:
    """Return a configuration that learns which side is bright in seconds."""
    small = {"size": SIZE, "fit": "frame", "low": 0.0, "high": 255.0, "width": 4, "latent": 4, "batch_size": 16}
    quick = {"epochs": 2, "learning_rate": 0.003, "average": 0.9}
    return complete_config("generation", small | quick | settings)


def series(number: int) -> SeriesToPrepare:
    """Return a single image whose left or right half is bright; two in five are right."""
    rng = np.random.default_rng(number)
    label = CLASSES[int(number % 5 >= 3)]
    image = rng.normal(60, 8, (1, SIZE, SIZE))
    half = slice(0, SIZE // 2) if label == "left" else slice(SIZE // 2, SIZE)
    image[0, :, half] += rng.uniform(60, 120)
    volume = Volume(
        array=image.clip(0, 255).astype(np.uint8),
        spacing_mm_zyx=(1.0, 1.0, 1.0),
        sop_instance_uids=(f"2.25.{number + 1}",),
        frames=(1,),
        modality="OT",
    )
    split = "train" if number < 80 else "validation"
    return SeriesToPrepare(volume=volume, series_uid=f"2.25.9{number}", group=str(number), split=split, label=label)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("generation") / "data"
    write_prepared(path, input_spec(config(), ["OT"]), map(series, range(110)))
    return path


def task_of(folder: Path, settings: dict[str, Any], classes: tuple[str, ...] = CLASSES) -> GenerationTask:
    torch.manual_seed(settings["seed"])
    return GenerationTask(Prepared(folder, classes), settings, input_spec(settings, ["OT"]))


def lead_of_the_right(images: Any) -> float:
    """Return how much brighter the right half is on average."""
    return float(images[..., SIZE // 2 :].mean() - images[..., : SIZE // 2].mean())


@pytest.mark.parametrize("size", [16, 28, 50])
def test_images_of_any_size_are_painted_and_judged(size: int) -> None:
    generator, critic = build_pair(config(size=size), channels=3, classes=2)
    images = generator(torch.randn(6, 4), torch.eye(2).repeat(3, 1))

    assert images.shape == (6, 3, size, size)
    assert 0 < float(images.detach().min()) < float(images.detach().max()) < 1
    assert critic(images, torch.eye(2).repeat(3, 1)).shape == (6,)


def test_what_is_no_single_slice_of_one_size_is_refused() -> None:
    for settings in ({"size": 0, "fit": "pixels"}, {"context": 1}):
        with pytest.raises(InvalidError, match="single slices of one size"):
            build_pair(config(**settings), channels=1, classes=1)


def test_a_critic_notices_images_that_are_all_the_same() -> None:
    torch.manual_seed(1)
    _, critic = build_pair(config(), channels=1, classes=1)
    one, label = torch.rand(1, 1, SIZE, SIZE), torch.ones(8, 1)
    others = torch.cat([one.expand(4, -1, -1, -1), torch.rand(4, 1, SIZE, SIZE)])

    scores = critic(others, label)
    torch.testing.assert_close(scores[:4], scores[0].expand(4))
    assert not torch.isclose(scores[0], critic(torch.cat([one, others[4:7]]), label[:4])[0])


@pytest.mark.slow
@pytest.mark.parametrize("network", ["r1", "wgan_gp", "dcgan"])
def test_each_kind_learns_to_paint_what_a_class_looks_like(folder: Path, tmp_path: Path, network: str) -> None:
    task = task_of(folder, config(network=network, epochs=16 if network == "r1" else 40))
    outcome = train(task, "generation", checkpoint_dir=tmp_path / "c")
    first, last = outcome.history[0], outcome.history[-1]

    assert set(last["losses"]) == {"critic_loss", "generator_loss"}
    assert last["figures"]["frechet"] < first["figures"]["frechet"] / 2
    assert 0 <= last["figures"]["memorised"] <= 1
    assert lead_of_the_right(task.drawn([1] * 32)) > lead_of_the_right(task.drawn([0] * 32)) + 0.2


@pytest.mark.parametrize(("value", "epochs", "stopped"), [(1000.0, 1, "figure"), (0.0, 2, "")])
def test_it_stops_once_the_distance_is_as_small_as_asked_for(
    folder: Path, tmp_path: Path, value: float, epochs: int, stopped: str
) -> None:
    task = task_of(folder, config(stop_metric="frechet", stop_value=value))
    outcome = train(task, "generation", checkpoint_dir=tmp_path / "c")
    assert (len(outcome.history), outcome.stopped) == (epochs, stopped)


def test_classes_are_shown_equally_often_and_each_sample_in_turn(folder: Path) -> None:
    task = task_of(folder, config())
    refs = task.epoch(0)

    assert len(refs) == 80
    assert [task.class_of(ref) for ref in refs].count(1) == 40
    assert {ref for ref in refs if task.class_of(ref) == 1} == {
        ref for ref in task.refs("train") if task.class_of(ref) == 1
    }
    assert refs != task.epoch(1)
    assert refs == task_of(folder, config()).epoch(0)


def test_the_generator_is_stepped_as_often_as_asked_for(folder: Path, tmp_path: Path) -> None:
    task = task_of(folder, config(critic_steps=2, epochs=1))
    train(task, "generation", checkpoint_dir=tmp_path / "c")
    found = checkpoints.load(tmp_path / "c")

    assert found is not None
    steps = {
        number: {int(v) for k, v in found[0].items() if k.startswith(f"optimiser/{number}/") and k.endswith("/step")}
        for number in (0, 1)
    }
    assert steps == {0: {5}, 1: {2}}


def test_an_epoch_suffices_for_a_step_of_the_generator(folder: Path) -> None:
    task = task_of(folder, config(batch_size=64, critic_steps=3))
    assert len(task.epoch(0)) == 192


def test_augmentation_grows_only_while_the_critic_is_too_sure() -> None:
    none, some = torch.tensor(0.0), torch.tensor(0.3)
    sure, unsure = torch.full((10,), 2.0), torch.tensor([1.0, -1.0] * 5)

    assert float(adapted(none, sure, centre=0.0, images=1000, highest=0.6)) == pytest.approx(0.01)
    assert float(adapted(some, unsure, centre=0.0, images=1000, highest=0.6)) == pytest.approx(0.29)
    assert float(adapted(none, unsure, centre=0.0, images=1000, highest=0.6)) == 0
    assert float(adapted(some, sure, centre=0.0, images=10**6, highest=0.6)) == pytest.approx(0.6)
    assert float(adapted(some, sure, centre=3.0, images=1000, highest=0.6)) == pytest.approx(0.29)


def test_what_the_critic_sees_can_be_differentiated_and_is_untouched_at_nothing() -> None:
    torch.manual_seed(2)
    images = torch.rand(64, 1, SIZE, SIZE, requires_grad=True)
    seen = viewed(images, torch.tensor(0.3))
    seen.sum().backward()  # type: ignore[no-untyped-call]

    assert viewed(images, torch.tensor(0.0)) is images
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()
    changed = (seen - images).abs().flatten(1).amax(1) > 1e-3
    # Five things, each with 0.3.
    assert 0.6 < float(changed.float().mean()) < 1


def test_only_the_generator_leaves_in_onnx_and_says_the_same(folder: Path, tmp_path: Path) -> None:
    task = task_of(folder, config())
    parameters = export_onnx(task.averaged, task.export(), tmp_path / "model.onnx")
    parity = check_parity(task, tmp_path / "model.onnx")

    assert parameters == sum(one.numel() for one in task.network.parameters())
    assert parity["largest_image_difference"] < 1e-5
    assert parity["samples"] == parity["of"] == len(task.refs("validation")) == 30
    assert [one.shape for one in next(task.parity_batches())] == [(30, 4), (30, 2)]


@pytest.fixture(scope="module")
def session(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A package that has learnt what the classes look like."""
    path = tmp_path_factory.mktemp("painter")
    task = task_of(folder, config(epochs=12))
    train(task, "generation", checkpoint_dir=path / "c")
    spec = {"recipe": "generation", "model": {"name": "sides", "title": "Sides"}, "data": {}}
    write_network(path / "package", task, spec, task.calibrate())
    return Session(open_package(path / "package"), use_gpu=False)


def test_a_package_paints_what_it_is_asked_for(session: Session) -> None:
    lefts, rights = (list(generate(session, count=20, seed=3, label=label)) for label in CLASSES)

    assert session.package.manifest.output == GenerationOutput(latent=4, modality="OT", spacing_mm=None)
    assert check_golden(session.package) < 1e-5
    assert lefts[0].shape == (1, SIZE, SIZE)
    assert lead_of_the_right(np.stack(rights)) > lead_of_the_right(np.stack(lefts)) + 0.2


def test_without_classes_all_images_are_of_one_kind(folder: Path, tmp_path: Path) -> None:
    task = task_of(folder, config(epochs=1), classes=())
    outcome = train(task, "generation", checkpoint_dir=tmp_path / "c")

    assert len(task.epoch(0)) == 80
    assert outcome.history[0]["figures"]["frechet"] > 0
    assert task.export().examples[1].shape == (2, 1)
    assert [one.caption for one in task.previews()] == ["(synthetic)"]


def test_a_class_without_a_sample_is_named(folder: Path) -> None:
    with pytest.raises(InvalidError, match="no sample of the class 'middle'"):
        task_of(folder, config(), classes=(*CLASSES, "middle"))


def test_the_page_is_shown_a_grid_of_each_class(folder: Path) -> None:
    task = task_of(folder, config())
    shown = task.previews()

    assert [one.caption for one in shown] == ["left (synthetic)", "right (synthetic)"]
    assert shown[0].image.shape == (4 * SIZE, 4 * SIZE)
    assert len(task.pictured(task.some(100), torch.Generator().manual_seed(1))) == 100


@pytest.mark.parametrize("network", ["r1", "wgan_gp"])
def test_cut_off_it_goes_on_as_it_would_have(folder: Path, tmp_path: Path, network: str) -> None:
    settings = config(epochs=3, network=network, critic_steps=2)
    whole_task = task_of(folder, settings)
    whole = train(whole_task, "generation", checkpoint_dir=tmp_path / "whole")

    def cut(figures: dict[str, Any]) -> None:
        if figures["epoch"] == 1:
            raise CutOffError

    with pytest.raises(CutOffError):
        train(task_of(folder, settings), "generation", checkpoint_dir=tmp_path / "cut", reports=Reports(epoch=cut))
    task = task_of(folder, settings)
    resumed = train(task, "generation", checkpoint_dir=tmp_path / "cut")

    for ours, theirs in zip(resumed.history, whole.history, strict=True):
        # Additions in another order make the last digits differ from run to run, cut off or not.
        assert ours["losses"] == pytest.approx(theirs["losses"], rel=1e-3, abs=1e-3)
        assert ours["figures"] == pytest.approx(theirs["figures"], rel=1e-2)
    for one, other in ((task.averaged, whole_task.averaged), (task.critic, whole_task.critic)):
        for ours_, theirs_ in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
            torch.testing.assert_close(ours_, theirs_, rtol=1e-2, atol=1e-3)


def test_classifiers_tell_what_generated_images_are_worth(session: Session, folder: Path, tmp_path: Path) -> None:
    quick = {"width": 4, "depth": 2, "epochs": 12, "minutes": 0, "batch_size": 16, "average": 0.8}
    settings = quick | {"flip": False, "dropout": 0.0, "mixing": 0.0}
    prepared = Prepared(folder, CLASSES)
    done: list[float] = []
    found = dict(worth(session, prepared, tmp_path, settings=settings, count=60, progress=done.append))

    carved = 80 - found["real"]["training_images"]
    assert 10 <= carved <= 14
    assert found["generated"]["training_images"] == 60
    assert found["both"]["training_images"] == 140 - carved
    assert all(told["measured_images"] == 30 for told in found.values())
    assert all(told["metrics"]["balanced_accuracy"]["value"] > 0.9 for told in found.values())
    area = found["generated"]["metrics"]["auc"]
    assert area["low"] <= area["value"] <= area["high"]
    assert (done, done[-1]) == (sorted(done), 1)
    shown = {way: Prepared(tmp_path / way, CLASSES).items for way in found}
    splits = {
        way: {item.split for item in items if item.group.startswith(PATIENT_PREFIX)} for way, items in shown.items()
    }
    assert splits == {"real": set(), "generated": {"train", "validation"}, "both": {"train"}}
    assert {item.split for item in shown["generated"] if not item.group.startswith(PATIENT_PREFIX)} == {"test"}


def test_a_generator_of_other_classes_is_not_measured_by_these(session: Session, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="must tell the cohort's classes apart"):
        next(worth(session, Prepared(folder, CLASSES[::-1]), tmp_path))
