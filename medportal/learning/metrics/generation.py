"""How like real images generated ones are, how varied, and whether they were learnt by heart: all on features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist, pdist

from medportal.errors import InvalidError
from medportal.learning.metrics.figures import Figure, Figures, Floats, bootstrap_by_group, mean_figures

Features = NDArray[np.floating[Any]]
NEIGHBOURS = 3
# A generated image is too near where no more than this part of other real images lie as near to a training image.
MEMORISED_QUANTILE = 0.01
DISTANCE_ROUNDS = 100


def shrunk_covariance(features: Features) -> Floats:
    """Return the covariance of (samples, features), drawn towards a multiple of the identity (Ledoit and Wolf 2004).

    With fewer samples than features the plain one is singular, and a distance made of it depends on their number more
    than on the images.
    """
    centred = np.asarray(features, np.float64) - features.mean(axis=0)
    count, width = centred.shape
    plain: Floats = centred.T @ centred / count
    level = np.trace(plain) / width
    target = level * np.eye(width)
    distance = ((plain - target) ** 2).sum()
    if distance <= 0:
        return plain
    spread = ((centred**2).sum(axis=1) ** 2).sum() / count**2 - (plain**2).sum() / count
    share = min(max(spread / distance, 0.0), 1.0)
    return np.asarray(share * target + (1 - share) * plain, np.float64)


def frechet_distance(real: Features, generated: Features) -> float:
    """Return the Fréchet distance of two sets of features (samples, features) as Gaussians (Heusel et al. 2017).

    |μ₁−μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½), with shrunk covariances. Raises InvalidError `features` for fewer than two
    samples or features of different widths.
    """
    _check(real, generated)
    first, second = shrunk_covariance(real), shrunk_covariance(generated)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    apart = ((real.mean(axis=0) - generated.mean(axis=0)) ** 2).sum()
    return float(max(apart + np.trace(first) + np.trace(second) - 2 * shared, 0.0))


def mean_pairwise_distance(features: Features) -> float:
    """Return the mean Euclidean distance of all pairs: how varied images are; 0 for a generator that has collapsed."""
    return float(pdist(features).mean()) if len(features) > 1 else 0.0


def is_within(points: Features, support: Features, *, neighbours: int = NEIGHBOURS) -> NDArray[np.bool_]:
    """Say of each point whether it lies as near to one of `support` as that one's k-th neighbour there does.

    Kynkäänniemi et al. 2019, eq. 2: generated points within the real support give precision, real ones within the
    generated support give recall.
    """
    tree = cKDTree(support)
    k = min(neighbours, len(support) - 1)
    radii = np.asarray(tree.query(support, k=[k + 1])[0])[:, 0]
    return np.concatenate(
        [
            (cdist(points[start : start + 512], support) <= radii[None]).any(axis=1)
            for start in range(0, len(points), 512)
        ]
    )


def nearest_distances(points: Features, training: Features, *, is_same: bool = False) -> Floats:
    """Return how far each point is from the nearest of `training`; where both are the same set, from another one."""
    distances = cKDTree(training).query(points, k=[2 if is_same else 1])[0]
    return np.asarray(distances, np.float64)[:, 0]


def is_memorised(
    generated: Features, training: Features, *, held_out: Features | None = None, quantile: float = MEMORISED_QUANTILE
) -> NDArray[np.bool_]:
    """Say of each generated image whether it is nearer to a training image than real images are to each other.

    The measure is the `quantile` of distances from images kept out of training, where given, else from each training
    image to its nearest other one; so of new real images a share of `quantile` would be called memorised. A copy always
    is (compare Meehan et al. 2020).
    """
    real = (
        nearest_distances(training, training, is_same=True)
        if held_out is None
        else nearest_distances(held_out, training)
    )
    limit = np.quantile(real, quantile) if len(real) else 0.0
    near = nearest_distances(generated, training)
    return np.asarray((near < limit) | (near <= 1e-9))


def generation_figures(
    real: Features,
    generated: Features,
    *,
    groups: Sequence[str],
    training: Features | None = None,
    rounds: int = DISTANCE_ROUNDS,
    quantile: float = MEMORISED_QUANTILE,
) -> Figures:
    """Return the figures of generated images beside real ones; `groups` are those of the real ones.

    frechet: distance of both as Gaussians. diversity: mean pairwise distance as a part of that of real ones. realistic,
    covered: precision and recall of Kynkäänniemi et al. 2019, the shares within the other's support. memorised: share too near to a training image (the real ones are the
    training images where none are given). Raises InvalidError `features` for fewer than two samples on a side.
    """
    _check(real, generated)
    sources = [f"real {group}" for group in groups] + [f"generated {k}" for k in range(len(generated))]
    joined = np.concatenate([real, generated]).astype(np.float64)
    known, held_out = (real, None) if training is None else (training, real)
    copies = is_memorised(generated, known, held_out=held_out, quantile=quantile)
    own = [str(k) for k in range(len(generated))]
    shares = mean_figures(own, {"realistic": is_within(generated, real), "memorised": copies}).overall
    shares |= mean_figures(groups, {"covered": is_within(real, generated)}).overall

    def measure(chosen: NDArray[np.intp]) -> dict[str, float | None]:
        mine, theirs = joined[chosen[chosen < len(real)]], joined[chosen[chosen >= len(real)]]
        if min(len(mine), len(theirs)) < 2:
            return {"frechet": None, "diversity": None}
        spread = mean_pairwise_distance(_some(mine))
        varied = mean_pairwise_distance(_some(theirs)) / spread if spread else None
        return {"frechet": frechet_distance(mine, theirs), "diversity": varied}

    distances: dict[str, Figure] = bootstrap_by_group(sources, measure, rounds=rounds)
    return Figures(distances | shares, {})


def _some(features: Features, limit: int = 1000) -> Features:
    """Return at most `limit` of the samples, evenly taken: pairs grow with the square."""
    return features if len(features) <= limit else features[np.linspace(0, len(features) - 1, limit).astype(int)]


def _check(real: Features, generated: Features) -> None:
    if real.ndim != 2 or generated.ndim != 2 or real.shape[1] != generated.shape[1]:
        raise InvalidError("features", f"Features {real.shape} and {generated.shape} are not of one width.")
    if min(len(real), len(generated)) < 2:
        raise InvalidError("features", "At least two real and two generated images are needed to compare them.")
    if not (np.isfinite(real).all() and np.isfinite(generated).all()):
        raise InvalidError("features", "A feature is not a number.")
