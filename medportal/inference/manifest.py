"""What a package says of itself: read from JSON, checked against the schema, typed. Loads no runtime."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import jsonschema

from medportal.errors import InvalidError

SCHEMA_PATH = Path(__file__).resolve().parents[2] / "model_zoo" / "manifest.schema.json"
FORMAT = 2


@dataclass(frozen=True)
class Scaling:
    """How values become 0…1: between two values of the modality, or between two percentiles of the series' own."""

    kind: str
    low: float
    high: float


@dataclass(frozen=True)
class InputSpec:
    """How a series becomes samples; see model_zoo/README.md. `size` and `spacing_mm` have `dimensions` entries."""

    modalities: tuple[str, ...]
    minimum_slices: int
    dimensions: int
    colour: bool
    scaling: Scaling
    # millimetres: resampled to `spacing_mm`; frame: the whole frame scaled into `size`; pixels: as they are.
    fit: str
    size: tuple[int, ...] | None = None
    spacing_mm: tuple[float, ...] | None = None
    # Without a size, the edges are padded to multiples of this.
    multiple: int = 1
    # Neighbouring slices on either side that come as further channels.
    context: int = 0

    @property
    def channels(self) -> int:
        """Channels of a sample."""
        return (3 if self.colour else 1) * (2 * self.context + 1)


@dataclass(frozen=True)
class ClassificationOutput:
    """How logits become a verdict; without thresholds (beyond two classes) the likeliest class is the verdict."""

    activation: str
    temperature: float
    top_k: int
    thresholds: tuple[float, ...]
    aggregate: str = "mean_of_top_k"


@dataclass(frozen=True)
class SegmentationOutput:
    """How logits of background and segments become a mask: tiles, blended by a Gaussian, the likeliest segment."""

    tile: tuple[int, ...]
    overlap: float
    # Smaller islands are taken away; 0 keeps all.
    minimum_voxels: int = 0
    # Touching objects are told apart, and numbered.
    instances: bool = False


@dataclass(frozen=True)
class DetectionOutput:
    """How heat and extents become boxes: peaks above a score, and of overlapping ones the best."""

    stride: int
    score_threshold: float
    iou_threshold: float
    maximum: int
    # 3-D: windows that are predicted at once; None: the whole sample.
    tile: tuple[int, ...] | None = None
    overlap: float = 0.25


@dataclass(frozen=True)
class ReconstructionOutput:
    """How the difference to the reconstruction becomes an anomaly: a map, and a slice's score."""

    # Difference that is shown as full (255), and the score from which a slice is called anomalous.
    full_scale: float
    threshold: float
    # Standard deviation of the smoothing of the difference, pixels; the part of a slice, largest first, that is averaged.
    smoothing: float
    share: float
    compression: float


@dataclass(frozen=True)
class GenerationOutput:
    """What the generator is asked with."""

    latent: int
    modality: str
    spacing_mm: tuple[float, ...] | None = None


Output = ClassificationOutput | SegmentationOutput | DetectionOutput | ReconstructionOutput | GenerationOutput
# What the network of each task must answer; `embedding` (batch, values) may come beside it.
NETWORK_OUTPUTS: dict[str, tuple[str, ...]] = {
    "classification": ("logits", "activation"),
    "segmentation": ("logits",),
    "detection": ("heat", "extent"),
    "autoencoder": ("reconstruction",),
    "generation": ("image",),
}
EMBEDDING = "embedding"
EMBEDDING_TASKS = ("autoencoder", "classification")
OUTPUTS: dict[str, type[Output]] = {
    "classification": ClassificationOutput,
    "segmentation": SegmentationOutput,
    "detection": DetectionOutput,
    "autoencoder": ReconstructionOutput,
    "generation": GenerationOutput,
}


@dataclass(frozen=True)
class ModelFile:
    """The network's file, and the names of what goes in and comes out."""

    sha256: str
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    file: str = "model.onnx"
    parameters: int = 1

    NAME: ClassVar[str] = "model.onnx"


@dataclass(frozen=True)
class Variant:
    """The same network in less space: its file, and what that costs on series of the split that was measured."""

    precision: str
    file: str
    sha256: str
    metric: str
    value: float | None
    loss: float | None


@dataclass(frozen=True)
class Manifest:
    """The whole of manifest.json."""

    name: str
    title: str
    task: str
    classes: tuple[str, ...]
    intended_use: str
    input: InputSpec
    output: Output
    model: ModelFile
    variants: tuple[Variant, ...] = ()
    trained: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    is_for_diagnosis: bool = False
    format: int = FORMAT

    @property
    def has_embedding(self) -> bool:
        """Whether the network also says where a sample lies among others."""
        return EMBEDDING in self.model.outputs and self.task in EMBEDDING_TASKS

    def to_json(self) -> dict[str, Any]:
        """Return what manifest.json holds."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return document


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text()))


def parse_manifest(document: Any) -> Manifest:
    """Return the manifest that a JSON document describes; raises InvalidError `manifest` naming the place."""
    errors = sorted(_validator().iter_errors(document), key=lambda e: list(map(str, e.absolute_path)))
    if errors:
        raise _not_valid("/".join(map(str, errors[0].absolute_path)) or "the document", errors[0].message[:200])
    manifest = Manifest(
        **{
            **document,
            "classes": tuple(document["classes"]),
            "input": _input_of(document["input"]),
            "output": OUTPUTS[document["task"]](**_with_tuples(document["output"])),
            "model": ModelFile(**_with_tuples(document["model"])),
            "variants": tuple(Variant(**one) for one in document.get("variants", ())),
        }
    )
    _check_together(manifest)
    return manifest


def _input_of(document: dict[str, Any]) -> InputSpec:
    return InputSpec(**_with_tuples({**document, "scaling": Scaling(**document["scaling"])}))


def _with_tuples(document: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}


def _check_together(manifest: Manifest) -> None:
    """Refuse what each by itself is right and together is not."""
    spec, output, classes = manifest.input, manifest.output, len(manifest.classes)
    _check_input(spec, getattr(output, "tile", None))
    _check_network(manifest)
    if isinstance(output, ClassificationOutput):
        _check_classification(output, classes)
    elif isinstance(output, SegmentationOutput):
        _check_segmentation(output, classes)
    elif isinstance(output, DetectionOutput):
        _check_detection(output, spec, classes)
    elif spec.dimensions != 2:
        raise _not_valid("input/dimensions", f"a model of the task {manifest.task} works on slices.")


def _check_input(spec: InputSpec, tile: tuple[int, ...] | None) -> None:
    if spec.scaling.low >= spec.scaling.high:
        raise _not_valid("input/scaling", "the first value must be the lower.")
    for name, value in (("size", spec.size), ("spacing_mm", spec.spacing_mm), ("tile", tile)):
        if value is not None and len(value) != spec.dimensions:
            place = f"output/{name}" if name == "tile" else f"input/{name}"
            raise _not_valid(place, f"it must have {spec.dimensions} entries, as the samples have dimensions.")
    if (spec.fit == "millimetres") != (spec.spacing_mm is not None):
        raise _not_valid("input/spacing_mm", "it belongs to the fit “millimetres”, and must be there with it.")
    if spec.fit == "frame" and spec.size is None:
        raise _not_valid("input/size", "the fit “frame” needs one.")
    if spec.context and spec.dimensions != 2:
        raise _not_valid("input/context", "neighbours are channels of slices, not of volumes.")


def _check_network(manifest: Manifest) -> None:
    """Refuse a network that does not answer what its task needs, and variants under a name that is not theirs."""
    for name in NETWORK_OUTPUTS[manifest.task]:
        if name not in manifest.model.outputs:
            raise _not_valid("model/outputs", f"a network for {manifest.task} answers {name!r}.")
    inputs = 2 if manifest.task == "generation" else 1
    if len(manifest.model.inputs) != inputs:
        raise _not_valid("model/inputs", f"a network for {manifest.task} takes {inputs}.")
    for place, variant in enumerate(manifest.variants):
        earlier = {one.precision for one in manifest.variants[:place]}
        if variant.file != f"model.{variant.precision}.onnx" or variant.precision in earlier:
            raise _not_valid(f"variants/{place}/file", "each precision has one file, of its name.")


def _check_segmentation(output: SegmentationOutput, classes: int) -> None:
    if classes < 1 or (output.instances and classes != 1):
        raise _not_valid("classes", "there is one at least; objects are told apart of one class.")


def _check_detection(output: DetectionOutput, spec: InputSpec, classes: int) -> None:
    if classes < 1:
        raise _not_valid("classes", "there is one at least.")
    for place, sides in (("input/size", spec.size or (spec.multiple,)), ("output/tile", output.tile or ())):
        if any(side % output.stride for side in sides):
            raise _not_valid(place, f"it must be made of whole cells of {output.stride} voxels.")


def _check_classification(output: ClassificationOutput, classes: int) -> None:
    if classes < 1 or (classes < 2 and output.activation == "softmax"):
        raise _not_valid("classes", "a classification tells two classes apart at least.")
    wanted = classes if output.activation == "sigmoid" else (1 if classes == 2 else 0)
    if len(output.thresholds) != wanted:
        raise _not_valid("output/thresholds", f"there must be {wanted}.")


def _refuse(constant: str) -> None:
    """Refuse NaN and the infinities, which are no JSON and pass every comparison."""
    raise ValueError(constant)


def _not_valid(place: str, why: str) -> InvalidError:
    return InvalidError("manifest", f"The manifest is not valid at {place}: {why}")


def check_name(name: str) -> None:
    """Refuse a model's name that no manifest could bear; raises InvalidError `model_name`."""
    if not re.fullmatch(_validator().schema["properties"]["name"]["pattern"], name):  # type: ignore[index]
        raise InvalidError(
            "model_name",
            "A model's name is made of small letters, digits and hyphens, at most 80, and begins with no hyphen.",
        )


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest.json; raises InvalidError `manifest`."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidError("manifest", "The package has no readable manifest.json.") from error
    return parse_manifest(document)
