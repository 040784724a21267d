"""Figures by definition, each with a bootstrap interval by group. Loads no torch."""

from medportal.learning.metrics.calibration import choose_cut, choose_threshold, choose_thresholds, fit_calibration
from medportal.learning.metrics.classification import NAMES, binary_figures, evaluate
from medportal.learning.metrics.figures import Figure, Figures, Measured, bootstrap_by_group, mean_figures, resample
from medportal.learning.metrics.ranking import auc, average_precision

__all__ = [
    "NAMES",
    "Figure",
    "Figures",
    "Measured",
    "auc",
    "average_precision",
    "binary_figures",
    "bootstrap_by_group",
    "choose_cut",
    "choose_threshold",
    "choose_thresholds",
    "evaluate",
    "fit_calibration",
    "mean_figures",
    "resample",
]
