"""What figures are called in a report, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping

PURPOSE = "Research and education. Not a medical device; not for diagnosis."
INTERVALS = (
    "Intervals are 95 % percentile intervals of a bootstrap in which whole groups (patients) are drawn: the images of one "
    "patient are not independent. Where there is no interval, there are too few groups."
)
CONTROLS = (
    "A control is trained by the same recipe on what cannot tell: with the inner part of each image blanked "
    "(image-border), or with labels that were shuffled. Where a control does as well as the model, the model may have "
    "learnt how the images were made rather than what they show."
)
SEEN = (
    "{series} of these series, and {groups} of the groups (patients), were in the model's training, or its "
    "thresholds were chosen on them: the figures are too good, and say nothing of other images."
)
WORTH = (
    "Classifiers of the site's recipe, alike but for what they learnt from, on {images} real images of the {split} split. "
    "Generated images are worth something where learning from them alone comes near to learning from real ones (Ravuri "
    "and Vinyals 2019), or where both together do better."
)
WAYS = {"real": "real images", "generated": "generated images alone", "both": "both"}
SUBGROUPS = {"sex": "Sex", "age": "Age", "manufacturer": "Manufacturer"}
_TITLES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "recall": "Sensitivity (recall)",
    "specificity": "Specificity",
    "precision": "Precision",
    "f1": "F1",
    "auc": "AUC",
    "average_precision": "Average precision",
    "exact_match": "All labels right",
    "brier": "Brier score",
    "ece": "Calibration error (ECE)",
    "dice": "Dice",
    "iou": "IoU",
    "hd95": "HD95",
    "surface_dice": "Surface Dice",
    "object_recall": "Objects found",
    "object_precision": "Object precision",
    "object_f1": "Object F1",
    "map50": "mAP@50",
    "map50_95": "mAP@50:95",
    "froc": "FROC mean",
    "sensitivity_at": "Sensitivity at n false positives",
    "psnr": "PSNR",
    "mse": "Mean squared error",
    "compression": "Compression",
    "slice_auc": "AUC of slices",
    "slice_average_precision": "Average precision of slices",
    "frechet": "Fréchet distance",
    "diversity": "Diversity",
    "realistic": "Realistic",
    "covered": "Covered",
    "memorised": "Memorised",
}
DEFINITIONS = {
    "accuracy": "Share called right. Of several labels at once: share of all single calls.",
    "balanced_accuracy": "Mean of the classes' sensitivities (Brodersen et al. 2010).",
    "recall": "Share of the positive cases that are called positive. Beyond two classes, here and below: mean over the classes.",
    "specificity": "Share of the negative cases that are called negative.",
    "precision": "Share of those called positive that are; 0 where none is called.",
    "f1": "Harmonic mean of sensitivity and precision.",
    "auc": "How often a positive case scores higher than a negative one, ties by half (Hanley and McNeil 1982).",
    "average_precision": "Mean of the precisions over the recall that each adds, without interpolation.",
    "exact_match": "Share of the series called right in all their labels.",
    "brier": "Mean squared error of the probabilities (Brier 1950); of two classes, of the positive one.",
    "ece": "Mean distance of claimed probability and observed frequency, in 15 bins (Guo et al. 2017).",
    "dice": "Twice the shared volume over the sum of both (Dice 1945); mean over series, then over segments.",
    "iou": "Shared volume over the volume of either (Jaccard 1901).",
    "hd95": "Greater of both directions' 95th percentiles of the distances between surfaces; the image's diagonal where one side "
    "is empty.",
    "surface_dice": "Share of both surfaces that lies within the tolerance of the other (Nikolov et al. 2018).",
    "object_f1": "F1 of objects matched where they overlap by more than one half (Kirillov et al. 2019).",
    "map50": "Mean over the classes of COCO's average precision at an overlap of one half (Lin et al. 2014).",
    "map50_95": "The same, averaged over overlaps of 0.50 to 0.95.",
    "froc": "Mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives per series (Setio et al. 2017).",
    "sensitivity_at": "Share of the findings hit while so many false positives per series are made.",
    "psnr": "Peak signal to noise of the reconstruction, mean over the series.",
    "compression": "How many times the code is smaller than the image.",
    "slice_auc": "AUC of the anomaly score of single slices.",
    "frechet": "Fréchet distance of generated and real images' features as Gaussians (Heusel et al. 2017), covariances shrunk "
    "(Ledoit and Wolf 2004). Only comparable between models evaluated on the same split.",
    "diversity": "Mean distance of two generated images as a part of that of two real ones.",
    "realistic": "Share of generated images that lie among real ones (precision of Kynkäänniemi et al. 2019).",
    "covered": "Share of real images that lie among generated ones (recall of Kynkäänniemi et al. 2019).",
    "memorised": "Share of generated images nearer to a training image than all but 1 % of real images are "
    "(compare Meehan et al. 2020).",
}


def title_of(name: str, units: Mapping[str, str]) -> str:
    """Return what a figure is called, with its unit."""
    if name in _TITLES:
        title = _TITLES[name]
    elif name.startswith("sensitivity_at_"):
        title = f"Sensitivity at {name.removeprefix('sensitivity_at_')} FP"
    else:
        title = name.replace("_", " ").capitalize()
    return f"{title}, {units[name]}" if name in units else title
