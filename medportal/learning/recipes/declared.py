"""The five recipes: their settings, and what is sensible for a given cohort."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from medportal.learning.recipes import defaults
from medportal.learning.recipes.settings import Augmentation, Cropping, Data, Deformation, Schedule, setting

CLASS_FIGURES = ["none", "accuracy", "recall", "precision", "f1", "auc"]
_STOP = "Stop before the last epoch once this figure of the validation split reaches the value below."

# What the sides of a detector's samples are multiples of, by their dimensions: its coarsest cells.
DETECTOR_STRIDE = {2: 32, 3: 16}


@dataclass(frozen=True)
class Classification(Deformation, Cropping, Augmentation, Schedule, Data):
    """A CNN that says of each slice (or volume), and of the series, which class it shows."""

    network: str = setting(
        "resnet_small",
        "resnet_small: a small residual CNN. densenet121: DenseNet-121 (Huang et al. 2017), for larger cohorts and GPUs.",
        choices=["resnet_small", "densenet121"],
        group="network",
    )
    width: int = setting(24, "resnet_small: channels of the first layer.", minimum=4, maximum=128, group="network")
    depth: int = setting(
        2, "resnet_small: stages, each of half the resolution of the one before.", minimum=1, maximum=5, group="network"
    )
    pooling: str = setting(
        "maximum",
        "maximum: the place that speaks most for a class decides, for small findings. mean: the whole image decides.",
        choices=["maximum", "mean"],
        group="network",
    )
    dropout: float = setting(
        0.0, "Part of the last features that is dropped while training.", minimum=0.0, maximum=0.9, group="network"
    )
    stop_metric: str = setting("none", _STOP, choices=CLASS_FIGURES, group="training")
    class_weights: bool = setting(
        True, "Rare classes weigh more in the loss: by the square root of how rare they are.", group="training"
    )
    negatives_per_positive: float = setting(
        0.0,
        "Cohorts with labelled slices: slices of the first class in an epoch for each of the others, drawn anew each "
        "time. 0: all there are.",
        minimum=0.0,
        maximum=100,
        group="training",
    )
    repeats: int = setting(
        1, "Times that an epoch goes through the samples.", minimum=1, maximum=1000, group="training"
    )
    smoothing: float = setting(
        0.0, "Part of the truth that is spread over all classes.", minimum=0.0, maximum=0.5, group="training"
    )
    mosaic_probability: float = setting(
        0.1,
        "How often a quarter of a sample is taken from another of its class (2-D).",
        minimum=0.0,
        maximum=1.0,
        group="augmentation",
        is_chance=True,
        takes_of_others=True,
    )
    mixing: float = setting(
        0.0,
        "Samples are mixed with another, which gets up to this share; their truths are mixed alike.",
        minimum=0.0,
        maximum=0.5,
        group="augmentation",
        takes_of_others=True,
    )
    top_k: int = setting(
        2, "A series' probability is the mean of its slices' highest so many.", minimum=1, maximum=100, group="verdict"
    )


@dataclass(frozen=True)
class Segmentation(Deformation, Augmentation, Schedule, Data):
    """A network that says of each voxel which segment it is of; configured by the cohort, after nnU-Net (Isensee et al. 2021)."""

    network: str = setting(
        "unet",
        "unet: U-Net (Ronneberger et al. 2015). segresnet: SegResNet (Myronenko 2018).",
        choices=["unet", "segresnet"],
        group="network",
    )
    width: int = setting(
        16, "Channels at full resolution; they double with each stage.", minimum=4, maximum=64, group="network"
    )
    depth: int = setting(4, "Stages below the full resolution.", minimum=1, maximum=6, group="network")
    deep_supervision: bool = setting(False, "unet: the coarser stages are held to the truth as well.", group="network")
    tile: int = setting(256, "Rows and columns of a patch.", minimum=16, maximum=1024, group="data")
    tile_slices: int = setting(32, "3-D: slices of a patch.", minimum=4, maximum=256, group="data")
    patches: int = setting(
        0,
        "Patches in an epoch; 0: as many as cover the training data once.",
        minimum=0,
        maximum=1_000_000,
        group="training",
    )
    foreground: float = setting(
        0.5,
        "Part of the patches that are centred on a marked voxel: handles small regions.",
        minimum=0.0,
        maximum=1.0,
        group="training",
    )
    overlap: float = setting(
        0.25, "Overlap of the patches when the model is run.", minimum=0.0, maximum=0.75, group="verdict"
    )
    minimum_voxels: int = setting(
        -1,
        "Smaller islands are taken away when the model is run; −1: those far smaller than what is marked. 0 keeps all.",
        minimum=-1,
        maximum=1_000_000,
        group="verdict",
    )
    instances: bool = setting(
        False, "Objects that touch are told apart and counted when the model is run.", group="verdict"
    )
    stop_metric: str = setting("none", _STOP, choices=["none", "dice"], group="training")


@dataclass(frozen=True)
class Detection(Cropping, Augmentation, Schedule, Data):
    """An anchor-free detector: a heat map of centres and the extent of each box (after CenterNet and FCOS)."""

    network: str = setting(
        "centre", "centre: a residual encoder with a feature pyramid.", choices=["centre"], group="network"
    )
    width: int = setting(24, "Channels of the first layer.", minimum=4, maximum=128, group="network")
    stride: int = setting(4, "Pixels of a cell of the heat map.", choices=[2, 4, 8], group="network")
    rows: int = setting(
        0,
        "Rows of a prepared slice where they are fewer or more than its columns, which size says; 0: as many.",
        minimum=0,
        maximum=2048,
        group="data",
    )
    tile: int = setting(
        0, "Rows and columns of a training patch; 0: the whole image.", minimum=0, maximum=1024, group="data"
    )
    tile_slices: int = setting(32, "3-D: slices of a patch.", minimum=4, maximum=256, group="data")
    foreground: float = setting(
        0.7, "Part of the samples that hold a box, where there are others.", minimum=0.0, maximum=1.0, group="training"
    )
    repeats: int = setting(
        1, "Times that an epoch goes through the samples.", minimum=1, maximum=1000, group="training"
    )
    flip_slices: bool = setting(False, "3-D: mirror along the stack.", group="augmentation")
    mosaic_probability: float = setting(
        0.3,
        "How often four samples are put together to one (2-D).",
        minimum=0.0,
        maximum=1.0,
        group="augmentation",
        is_chance=True,
        takes_of_others=True,
    )
    iou_threshold: float = setting(
        0.5, "Of two boxes of a class that overlap more, the better stays.", minimum=0.05, maximum=0.95, group="verdict"
    )
    maximum: int = setting(100, "Boxes of a slice (3-D: of a patch) at most.", minimum=1, maximum=1000, group="verdict")
    stop_metric: str = setting("none", _STOP, choices=["none", "map50", "sensitivity"], group="training")


@dataclass(frozen=True)
class Autoencoder(Deformation, Cropping, Augmentation, Schedule, Data):
    """A network that squeezes a slice into a code and makes it anew: what it cannot make anew is unusual."""

    dimensions: int = setting(2, "The network sees slices.", choices=[2], group="data")
    network: str = setting(
        "ae",
        "ae: convolutional autoencoder. vae: variational autoencoder (Kingma and Welling 2014).",
        choices=["ae", "vae"],
        group="network",
    )
    width: int = setting(16, "Channels of the first layer.", minimum=4, maximum=128, group="network")
    depth: int = setting(3, "Halvings of the resolution before the code.", minimum=1, maximum=6, group="network")
    code: int = setting(
        512,
        "Values of the code, spread evenly over its cells: fewer give back less of each slice.",
        minimum=2,
        maximum=65536,
        group="network",
    )
    beta: float = setting(
        0.001,
        "vae: weight of the code's closeness to a normal distribution.",
        minimum=0.0,
        maximum=100.0,
        group="network",
    )
    foreign: float = setting(
        0.9,
        "How often a blob, or a piece of another slice, is pasted into what the network sees, which it learns to leave "
        "out; findings then stay out as well. 0: it gives back what it sees.",
        minimum=0.0,
        maximum=1.0,
        group="augmentation",
        is_chance=True,
        takes_of_others=True,
    )
    normal_only: bool = setting(
        True,
        "Learn only from slices that show nothing: of the first class, or without a mask or box. Where there are none, "
        "from all.",
        group="training",
    )
    smoothing: float = setting(1.0, "Smoothing of the anomaly map, pixels.", minimum=0.0, maximum=16.0, group="verdict")
    share: float = setting(
        0.002,
        "A slice's anomaly is the mean of this part of its pixels, those that differ most.",
        minimum=0.0001,
        maximum=1.0,
        group="verdict",
    )
    stop_metric: str = setting("none", _STOP, choices=["none", "psnr", "anomaly_auc"], group="training")


@dataclass(frozen=True)
class Generation(Schedule, Data):
    """A generative adversarial network that paints images of each class; what it paints is marked as synthetic."""

    dimensions: int = setting(2, "The network sees slices.", choices=[2], group="data")
    network: str = setting(
        "r1",
        "r1: logistic loss with a penalty on the critic's gradient (Mescheder et al. 2018), as StyleGAN has it; the "
        "quickest. wgan_gp: Wasserstein with gradient penalty (Gulrajani et al. 2017), as steady, slower. dcgan: no "
        "penalty (Radford et al. 2016).",
        choices=["r1", "wgan_gp", "dcgan"],
        group="network",
    )
    width: int = setting(
        32,
        "Channels at full resolution; they double with each halving, twice.",
        minimum=4,
        maximum=256,
        group="network",
    )
    latent: int = setting(64, "Values of chance that an image is made of.", minimum=2, maximum=1024, group="network")
    critic_steps: int = setting(
        0,
        "Steps of the critic for each of the generator. 0: as the network wants them, of wgan_gp 3, of the others 1.",
        minimum=0,
        maximum=10,
        group="training",
    )
    penalty: float = setting(
        1.0,
        "Weight of the penalty on the critic's gradient (of wgan_gp ten times that): more is steadier, less is sharper.",
        minimum=0.0,
        maximum=1000.0,
        group="training",
    )
    flip: bool = setting(False, "Mirror left and right (only where anatomy allows).", group="augmentation")
    adaptive: float = setting(
        0.6,
        "Highest probability of each augmentation of what the critic sees; it grows only while the critic knows the real "
        "images by heart (Karras et al. 2020, ADA). 0: none.",
        minimum=0.0,
        maximum=0.9,
        group="augmentation",
    )
    stop_metric: str = setting(
        "none",
        "Stop before the last epoch once this distance to the real images falls to the value below.",
        choices=["none", "frechet"],
        group="training",
    )
    stop_value: float = setting(0.5, "The distance at which to stop.", minimum=0.0, maximum=1000.0, group="training")


@dataclass(frozen=True)
class Recipe:
    """A way of training: its settings, its title, the kinds of cohort it learns from, and its defaults for one."""

    settings: type[Any]
    title: str
    kinds: tuple[str, ...]
    choose: Callable[[Mapping[str, Any]], dict[str, Any]]
    # The figure of an epoch that tells how good it is, and whether more is better.
    headline: str
    more_is_better: bool = True
    # Codes of findings of a cohort's check (`cohorts.checking`) that it learns in spite of, errors though they are.
    tolerates: tuple[str, ...] = ()


RECIPES: dict[str, Recipe] = {
    "classification": Recipe(
        Classification,
        "Classification of series and slices",
        ("classes", "multi_label"),
        defaults.classification,
        "auc",
    ),
    "segmentation": Recipe(Segmentation, "Segmentation of regions", ("masks",), defaults.segmentation, "dice"),
    "detection": Recipe(Detection, "Detection of findings", ("boxes",), defaults.detection, "map50"),
    "autoencoder": Recipe(
        Autoencoder,
        "Autoencoder: reconstruction, anomalies, similar cases",
        ("classes", "multi_label", "masks", "boxes", "images"),
        defaults.autoencoder,
        "psnr",
        # What is usual is enough to learn from: the other classes are there to be told from it.
        tolerates=("class_not_in_split",),
    ),
    "generation": Recipe(
        Generation,
        "Generation of synthetic images",
        ("classes", "images"),
        defaults.generation,
        "frechet",
        more_is_better=False,
    ),
}
TASKS_OF_KIND = {
    kind: [name for name, recipe in RECIPES.items() if kind in recipe.kinds]
    for kind in ("classes", "multi_label", "masks", "boxes", "images")
}
