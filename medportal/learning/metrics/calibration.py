"""Whether a probability means what it says, and what is chosen on validation: temperature and thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from medportal.learning.metrics.figures import Floats, ratio
from medportal.learning.metrics.ranking import Labels, Ranked, Scores

BINS = 15


@dataclass(frozen=True)
class Binned:
    """Samples in bins of equal width of what was claimed: which bin, the claim, and whether it held."""

    bin_of: NDArray[np.intp]
    confidence: Floats
    held: Floats
    bins: int = BINS

    def sums(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Return weight, summed confidence and summed truth of each bin: (rounds, bins) each."""
        member = (self.bin_of[:, None] == np.arange(self.bins)).astype(np.float64)
        return (
            weights @ member,
            weights @ (member * self.confidence[:, None]),
            weights @ (member * self.held[:, None]),
        )


def reliability_bins(labels: NDArray[np.integer[Any]], probabilities: Floats, *, bins: int = BINS) -> Binned:
    """Return the samples in bins of confidence (Guo et al. 2017).

    Of two classes the confidence is the probability of the second, held against how often it is there (Naeini et al.
    2015); of several it is that of the likeliest, held against how often it is right. A bin holds its upper edge.
    """
    if probabilities.shape[1] == 2:
        confidence, held = probabilities[:, 1], labels == 1
    else:
        confidence, held = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bin_of = np.clip(np.ceil(np.asarray(confidence, np.float64) * bins).astype(np.intp) - 1, 0, bins - 1)
    return Binned(bin_of, np.asarray(confidence, np.float64), held.astype(np.float64), bins)


def label_bins(truth: NDArray[np.bool_], probabilities: Floats, *, bins: int = BINS) -> Binned:
    """Return the single claims of (samples, labels), those of all labels together, in bins as those of two classes."""
    chances = probabilities.reshape(-1)
    return reliability_bins(truth.reshape(-1).astype(np.intp), np.stack([1 - chances, chances], axis=1), bins=bins)


def expected_calibration_error(weights: Floats, binned: Binned) -> Floats:
    """Return, for each round, the mean distance of claim and truth over the bins, by their samples (Guo et al. 2017, eq. 3)."""
    _, confidence, held = binned.sums(weights)
    return ratio(np.abs(confidence - held).sum(axis=1), weights.sum(axis=1))


def reliability_curve(binned: Binned) -> list[dict[str, float]]:
    """Return the bins that hold samples: their edges, count, mean confidence and observed frequency."""
    counts, confidence, held = (one[0] for one in binned.sums(np.ones((1, len(binned.held)))))
    return [
        {
            "low": round(k / binned.bins, 6),
            "high": round((k + 1) / binned.bins, 6),
            "n": int(counts[k]),
            "confidence": round(float(confidence[k] / counts[k]), 6),
            "frequency": round(float(held[k] / counts[k]), 6),
        }
        for k in np.flatnonzero(counts)
    ]


def brier_terms(truth: NDArray[np.bool_], probabilities: Floats) -> Floats:
    """Return each sample's squared error of its probabilities (Brier 1950), for two classes that of the second alone."""
    squares: Floats = (np.asarray(probabilities, np.float64) - truth) ** 2
    return squares[:, 1] if squares.shape[1] == 2 else squares.sum(axis=1)


def fit_calibration(logits: NDArray[np.floating[Any]], labels: Labels) -> tuple[float, Floats]:
    """Return (temperature, shift of each class) by which validation is likeliest: `(logits + shift) / temperature`.

    Temperature and bias of Guo et al. (2017). `labels` (samples,) are classes of a softmax; (samples, labels) are labels
    of a sigmoid each. What a network learnt from weighted classes and varied images is sure of too early or too late: of
    chest X-rays the accuracy at a half was 0.75 where the AUC was 0.99. A shift is taken for a draw of a standard normal
    distribution, and the temperature's logarithm for one of half the width, so that few samples move little: a small
    split that is told apart without error would have it sharpened without end. A class that validation does not hold
    is not shifted: that it is rare there says nothing of it.
    """
    scores, given = np.asarray(logits, np.float64), np.asarray(labels)
    is_softmax = given.ndim == 1
    truth = np.eye(scores.shape[1])[given] if is_softmax else given.astype(np.float64)
    is_there = truth.any(axis=0)

    def loss(at: Floats) -> tuple[float, Floats]:
        temperature, shift = np.exp(at[0]), at[1:]
        scaled = (scores + shift) / temperature
        if is_softmax:
            every = logsumexp(scaled, axis=1)
            surprise, chances = (every - (scaled * truth).sum(axis=1)).sum(), np.exp(scaled - every[:, None])
        else:
            surprise, chances = (np.logaddexp(0, scaled) - scaled * truth).sum(), expit(scaled)
        error = chances - truth
        slope = np.concatenate(
            [[4 * at[0] - (error * scaled).sum()], error.sum(axis=0) * is_there / temperature + shift]
        )
        return float(surprise + 2 * at[0] ** 2 + np.square(shift).sum() / 2), slope

    found = minimize(loss, np.zeros(1 + scores.shape[1]), jac=True, method="L-BFGS-B").x
    return float(np.exp(found[0])), found[1:]


def choose_threshold(labels: Labels, scores: Scores) -> float:
    """Return the threshold nearest to one half whose balanced accuracy is within a standard error of the best.

    The rule of Breiman et al. (1984, 3.4.3): of what a validation split cannot tell apart, the plainest. It lies in the
    middle of a gap between scores. One half where only one class is there: nothing to choose by. For probabilities; see
    `choose_cut` for others.
    """
    cuts = _Cuts.of(labels, scores)
    if cuts is None:
        return 0.5
    # Scores are probabilities, so 0 and 1 bound the outer gaps.
    edges = np.concatenate([[min(0.0, cuts.scores[0])], cuts.scores, [max(1.0, cuts.scores[-1])]])
    gaps = np.diff(edges)
    worth = np.where(gaps > 0, cuts.worth, -1.0)
    near = np.flatnonzero(worth >= worth.max() - cuts.error(int(worth.argmax())))
    far = np.maximum(np.maximum(edges[near] - 0.5, 0.5 - edges[near + 1]), 0)
    chosen = near[np.lexsort((-gaps[near], far))[0]]
    return float((edges[chosen] + edges[chosen + 1]) / 2)


def choose_cut(labels: Labels, scores: Scores) -> float:
    """Return the threshold of the best balanced accuracy for scores of any scale, on which no value is plainer than another.

    It lies in the middle of the widest gap between scores that reaches it. Raises ValueError where one class is missing.
    """
    cuts = _Cuts.of(labels, scores)
    if cuts is None:
        raise ValueError("both classes must be there to choose by")
    # What calls all alike lies beyond the scores, where there is nothing to be in the middle of.
    worth, gaps = cuts.worth[1:-1], np.diff(cuts.scores)
    if not len(gaps):
        return float(cuts.scores[0])
    chosen = np.lexsort((-gaps, -worth))[0]
    return float(cuts.scores[chosen : chosen + 2].mean())


@dataclass(frozen=True)
class _Cuts:
    """What cutting below each score, and above the last, is worth: cut k leaves the k lowest `scores` uncalled."""

    scores: Floats
    recall: Floats
    specificity: Floats
    positives: float
    negatives: float

    @classmethod
    def of(cls, labels: Labels, scores: Scores) -> _Cuts | None:
        """Return the cuts of samples; None where only one class is there."""
        ranked = Ranked(labels, np.asarray(scores, np.float64))
        positive, negative = (side[0] for side in ranked.counts(np.ones((1, len(scores)))))
        if not positive.sum() or not negative.sum():
            return None
        missed = np.concatenate([[0.0], np.cumsum(positive)]) / positive.sum()
        spared = np.concatenate([[0.0], np.cumsum(negative)]) / negative.sum()
        found = np.asarray(ranked.scores, np.float64)
        return cls(found, 1 - missed, spared, float(positive.sum()), float(negative.sum()))

    @property
    def worth(self) -> Floats:
        """The balanced accuracy of each cut."""
        return np.round((self.recall + self.specificity) / 2, 9)

    def error(self, cut: int) -> float:
        """Return the standard error of a cut's balanced accuracy."""
        rates = np.array([self.recall[cut], self.specificity[cut]])
        return float(np.sqrt((rates * (1 - rates) / [self.positives, self.negatives]).sum()) / 2)


def choose_thresholds(truth: NDArray[np.bool_], probabilities: Floats) -> list[float]:
    """Return for each label of (samples, labels) the threshold of its best balanced accuracy."""
    return [choose_threshold(truth[:, k].astype(np.intp), probabilities[:, k]) for k in range(truth.shape[1])]
