"""Generated images by their features: the distance in closed form, collapse, support, copies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import _compute_fid

from medportal.errors import InvalidError
from medportal.learning.metrics.generation import (
    frechet_distance,
    generation_figures,
    is_memorised,
    is_within,
    mean_pairwise_distance,
    shrunk_covariance,
)


def test_distance_is_that_of_torchmetrics_on_the_same_covariances() -> None:
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(300, 6)), rng.normal(0.4, 1.5, size=(250, 6)) @ rng.normal(size=(6, 6))
    parts = [torch.tensor(part) for one in (real, generated) for part in (one.mean(axis=0), shrunk_covariance(one))]

    assert frechet_distance(real, generated) == pytest.approx(float(_compute_fid(*parts)), rel=1e-6)


def test_distance_of_gaussians_apart_by_a_shift_is_the_shift() -> None:
    features = np.random.default_rng(0).normal(size=(50, 4))

    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(features, features + np.array([3, 4, 0, 0])) == pytest.approx(25)


def test_a_shrunk_covariance_of_few_samples_can_be_inverted_and_of_many_is_the_plain_one() -> None:
    rng = np.random.default_rng(2)
    few, many = rng.normal(size=(10, 30)), rng.normal(size=(20000, 3)) * [1, 2, 3]

    assert np.linalg.eigvalsh(shrunk_covariance(few)).min() > 0.1
    assert shrunk_covariance(many) == pytest.approx(np.cov(many.T, bias=True), abs=0.05)
    assert np.isfinite(sqrtm(shrunk_covariance(few))).all()


def test_few_samples_of_one_distribution_lie_nearer_than_without_shrinkage() -> None:
    rng = np.random.default_rng(4)
    real, same, other = rng.normal(size=(40, 64)), rng.normal(size=(40, 64)), rng.normal(1, 1, size=(40, 64))

    assert frechet_distance(real, same) < 0.2 * frechet_distance(real, other)


def test_support_worked_by_hand() -> None:
    line = np.array([[0.0], [1.0], [2.0], [10.0]])

    # With one neighbour: radii 1, 1, 1, 8.
    assert is_within(np.array([[-1.0], [-1.1], [3.5], [18.0], [18.1]]), line, neighbours=1).tolist() == [
        True,
        False,
        True,
        True,
        False,
    ]


def test_copies_are_called_memorised_and_new_images_are_not() -> None:
    rng = np.random.default_rng(1)
    training, held_out, new = (rng.normal(size=(400, 8)) for _ in range(3))
    generated = np.concatenate([training[:20] + 1e-3, new[:80]])

    assert is_memorised(generated, training)[:20].all()
    assert is_memorised(generated, training, held_out=held_out)[20:].mean() <= 0.05
    assert is_memorised(training[:5], training, quantile=0.0).all()


def test_a_collapsed_generator_shows() -> None:
    rng = np.random.default_rng(3)
    real = rng.normal(size=(120, 5))
    groups = [str(i // 2) for i in range(120)]
    good = generation_figures(real, rng.normal(size=(100, 5)), groups=groups, rounds=30).overall
    collapsed = generation_figures(
        real, np.full((100, 5), 0.1) + rng.normal(0, 1e-3, (100, 5)), groups=groups, rounds=30
    )

    assert set(good) == {"frechet", "diversity", "realistic", "covered", "memorised"}
    assert good["diversity"].value == pytest.approx(1, abs=0.1)
    assert good["realistic"].value > 0.7  # type: ignore[operator]
    assert good["covered"].value > 0.7  # type: ignore[operator]
    assert collapsed.overall["diversity"].value < 0.01  # type: ignore[operator]
    assert collapsed.overall["covered"].value < 0.05  # type: ignore[operator]
    assert collapsed.overall["frechet"].value > good["frechet"].high  # type: ignore[operator]
    assert mean_pairwise_distance(real[:1]) == 0


@pytest.mark.parametrize(
    ("real", "generated"),
    [
        (np.zeros((3, 2)), np.zeros((3, 3))),
        (np.zeros((1, 2)), np.zeros((3, 2))),
        (np.full((3, 2), np.nan), np.zeros((3, 2))),
    ],
)
def test_features_that_cannot_be_compared_are_refused(real: np.ndarray, generated: np.ndarray) -> None:
    with pytest.raises(InvalidError, match=r"width|two|number"):
        generation_figures(real, generated, groups=["a"] * len(real))
