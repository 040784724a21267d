"""An analysis' result as a command tells it: lines for people, values for programs, files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from medportal.analysis.models import Analysis
from medportal.annotations.label_maps import array_of
from medportal.annotations.serializers import AnnotationSetSerializer
from medportal.archive.reading import attributes_of, decoder, frame_sources
from medportal.errors import NotFoundError
from medportal.imaging.display import to_rgb
from medportal.imaging.stacks import FrameSource, decode_source

MOST_BOXES = 20


def result_of(analysis: Analysis) -> dict[str, Any]:
    """Return the annotation set, or what was made by a model that generates."""
    if analysis.annotation_set is not None:
        return dict(AnnotationSetSerializer(analysis.annotation_set).data)
    return dict(analysis.job.result or {})


def lines_of(analysis: Analysis, result: dict[str, Any]) -> Iterator[str]:
    """Yield what people want to know of a result."""
    if analysis.annotation_set is None:
        yield f"{result['count']} images of seed {result['seed']}: series {result['series_instance_uid']}"
        return
    verdict = result["verdict"]
    yield f"{verdict['value']} ({_certainty(verdict, analysis.model_version.manifest['output'])})"
    for name, value in verdict["measures"].items():
        yield f"  {name}: {value:.4g}"
    for box in result["boxes"][:MOST_BOXES]:
        low, high = (", ".join(f"{edge:.1f}" for edge in box[side]) for side in ("low", "high"))
        yield f"  {box['label']} {box['score']:.3f} from ({low}) to ({high})"


def _certainty(verdict: dict[str, Any], output: dict[str, Any]) -> str:
    """Return the probability by which it was decided, and whose that is: of two classes always the second's.

    Labels that may stand together are decided each by its own.
    """
    named = list(verdict["probabilities"]) if output.get("activation") == "softmax" else []
    of = f"{named[1]} " if len(named) == 2 and named[1] != verdict["value"] else ""
    threshold = f", threshold {verdict['threshold']:.3f}" if verdict["threshold"] else ""
    return f"{of}{verdict['probability']:.3f}{threshold}"


def write_mask(analysis: Analysis, path: Path) -> Path:
    """Write the mask (slice, row, column) and the names of its numbers, from 1, as NPZ; returns where."""
    label_map = getattr(analysis.annotation_set, "label_map", None)
    if label_map is None:
        raise NotFoundError("mask_not_found", "The result has no mask.")
    labels = np.array([segment["label"] for segment in label_map.segments])
    np.savez_compressed(path, mask=array_of(label_map), labels=labels, is_instances=np.array(label_map.is_instances))
    return path


def write_images(analysis: Analysis, folder: Path) -> list[Path]:
    """Write the images of a series that was made as PNG files that say what they are; returns where."""
    assert analysis.series is not None
    folder.mkdir(parents=True, exist_ok=True)
    note = PngInfo()
    note.add_text("Comment", f"SYNTHETIC: made up by {analysis.model_version}; of no patient. Not for diagnosis.")
    written = []
    for instance in analysis.series.instances.order_by("instance_number"):
        for source in frame_sources(instance):
            path = folder / f"synthetic-{instance.instance_number:04d}.png"
            Image.fromarray(_pixels(source, instance)).save(path, pnginfo=note)
            written.append(path)
    return written


def _pixels(source: FrameSource, instance: Any) -> Any:
    frame = decode_source(source, decoder())
    return frame if source.pixel.samples_per_pixel == 1 else to_rgb(frame, source.pixel, attributes_of(instance))
