"""A piece of an answer as an event of its job, and back: what is read is bit for bit what was written."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from medportal.errors import UnavailableError
from medportal.imaging.marks import Box
from medportal.inference.pieces import Layer, SlicePiece
from medportal.jobs.models import Job
from medportal.messaging.models import Event

TYPE = "slice.predicted"
PieceEvent = tuple[str, dict[str, Any], bytes]
# Below this, deflating layers saves nothing that a socket would notice.
DEFLATE_FROM_BYTES = 1024
NO_LAYER = {"shape": [], "dtype": "uint8", "region": [], "scale": 1.0}


def to_event(piece: SlicePiece, *, label: str = "") -> PieceEvent:
    """Return a piece as an event: its header, and a payload in which the layers stand one after the other."""
    is_deflated = sum(layer.values.nbytes for layer in piece.layers) >= DEFLATE_FROM_BYTES
    packed = [_packed(layer, is_deflated=is_deflated) for layer in piece.layers]
    layers, offset = [], 0
    for layer, content in zip(piece.layers, packed, strict=True):
        layers.append({"kind": layer.kind, **_described(layer), "offset": offset, "length": len(content)})
        offset += len(content)
    data = {
        "index": piece.index,
        "count": piece.count,
        "sop_instance_uid": piece.sop_instance_uid,
        "frame": piece.frame,
        "label": label,
        "probability": float(piece.probability),
        "probabilities": [float(value) for value in piece.probabilities],
        "boxes": [_box(box) for box in piece.boxes],
        "layers": layers,
        "encoding": "deflate" if is_deflated else "raw",
        # For those who show one layer alone.
        **(_described(piece.layers[0]) if piece.layers else NO_LAYER),
    }
    return TYPE, data, b"".join(packed)


def _packed(layer: Layer, *, is_deflated: bool) -> bytes:
    raw = np.ascontiguousarray(layer.values, np.uint8).tobytes()
    return zlib.compress(raw, 1) if is_deflated else raw


def _described(layer: Layer) -> dict[str, Any]:
    return {
        "shape": list(layer.values.shape),
        "dtype": "uint8",
        "region": [float(edge) for edge in layer.region],
        "scale": float(layer.scale),
    }


def _box(box: Box) -> dict[str, Any]:
    """Return a box to its last digit: what is read back must decide as what was found."""
    low, high = ([float(edge) for edge in corner] for corner in (box.low, box.high))
    return {"label": box.label, "low": low, "high": high, "score": float(box.score)}


def from_event(data: dict[str, Any], payload: bytes = b"") -> SlicePiece:
    """Return the piece of an event; without its payload, the piece without layers.

    Raises UnavailableError `piece_damaged` where the payload is not whole.
    """
    layers = [_layer(one, payload, data["encoding"]) for one in data["layers"]] if payload else []
    return SlicePiece(
        index=data["index"],
        count=data["count"],
        sop_instance_uid=data["sop_instance_uid"],
        frame=data["frame"],
        probability=data["probability"],
        probabilities=tuple(data["probabilities"]),
        boxes=tuple(
            Box(one["label"], (*map(float, one["low"]),), (*map(float, one["high"]),), one["score"])  # type: ignore[arg-type]
            for one in data["boxes"]
        ),
        layers=tuple(layers),
    )


def _layer(described: dict[str, Any], payload: bytes, encoding: str) -> Layer:
    content = payload[described["offset"] : described["offset"] + described["length"]]
    try:
        raw = zlib.decompress(content) if encoding == "deflate" else content
        values = np.frombuffer(raw, np.uint8).reshape(described["shape"])
    except (zlib.error, ValueError) as error:
        raise UnavailableError("piece_damaged", "A part of the answer as it is kept cannot be read.") from error
    top, left, bottom, right = described["region"]
    return Layer(described["kind"], values, (top, left, bottom, right), described["scale"])


def told_pieces(job: Job, *, with_layers: bool) -> dict[int, SlicePiece]:
    """Return what has been told of a job so far, by this attempt or earlier ones: index → piece."""
    events = Event.objects.filter(topic_id=job.topic, type=TYPE).order_by("seq")
    fields = ("data", "payload") if with_layers else ("data",)
    rows = events.values_list(*fields).iterator(chunk_size=16)
    return {row[0]["index"]: from_event(row[0], *map(bytes, row[1:])) for row in rows}


def kept(pieces: Iterable[SlicePiece], *, with_layers: bool) -> dict[int, SlicePiece]:
    """Return pieces by index, without layers where nobody needs them any more."""
    return {piece.index: piece if with_layers else replace(piece, layers=()) for piece in pieces}
