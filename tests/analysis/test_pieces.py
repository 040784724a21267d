"""Pieces travel as events: a header, a payload of layers, and nothing lost on the way there and back; in bursts."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from medportal.analysis.bursts import MAX_BURST, in_bursts
from medportal.analysis.piece_events import from_event, to_event
from medportal.errors import UnavailableError
from medportal.imaging.marks import Box
from medportal.inference.pieces import Layer, SlicePiece


def piece(*layers: Layer, boxes: tuple[Box, ...] = ()) -> SlicePiece:
    return SlicePiece(
        index=3,
        count=9,
        sop_instance_uid="1.2.3",
        frame=2,
        probability=float(np.float32(0.1)),
        probabilities=(1 / 3, float(np.float32(2) / 3)),
        boxes=boxes,
        layers=layers,
    )


def layer(kind: str, *shape: int, scale: float = 1.0) -> Layer:
    values = np.random.default_rng(sum(shape)).integers(0, 255, shape).astype(np.uint8)
    return Layer(kind, values, (-1 / 3, 0.0, 64.1, 63.9), scale)


@pytest.mark.parametrize(
    "layers",
    [
        (),
        (layer("activation", 8, 8),),
        (layer("mask", 50, 40),),
        (layer("anomaly", 32, 32, scale=0.3), layer("reconstruction", 40, 20)),
        (layer("generated", 16, 16, 3),),
    ],
    ids=lambda layers: "+".join(one.kind for one in layers) or "nothing",
)
def test_a_piece_is_bit_for_bit_what_it_was(layers: tuple[Layer, ...]) -> None:
    sent = piece(*layers, boxes=(Box("a", (1 / 3, 0.0, 2.0), (1.5, 7 / 3, 9.0), 1 / 7),))
    _, data, payload = to_event(sent)
    again = from_event(json.loads(json.dumps(data)), payload)
    assert (again.probability, again.probabilities, again.boxes) == (sent.probability, sent.probabilities, sent.boxes)
    assert (again.index, again.count, again.sop_instance_uid, again.frame) == (3, 9, "1.2.3", 2)
    for one, other in zip(again.layers, layers, strict=True):
        assert (one.kind, one.region, one.scale) == (other.kind, other.region, other.scale)
        np.testing.assert_array_equal(one.values, other.values)


def test_layers_stand_one_after_the_other_each_deflated_by_itself() -> None:
    first, second = layer("anomaly", 32, 32), layer("reconstruction", 40, 20)
    type_, data, payload = to_event(piece(first, second))
    assert (type_, data["encoding"]) == ("slice.predicted", "deflate")
    parts = [payload[one["offset"] : one["offset"] + one["length"]] for one in data["layers"]]
    assert b"".join(parts) == payload
    assert [zlib.decompress(part) for part in parts] == [first.values.tobytes(), second.values.tobytes()]
    # Who shows one layer alone finds the first at the top.
    assert {name: data[name] for name in ("shape", "dtype", "region", "scale")} == {
        name: data["layers"][0][name] for name in ("shape", "dtype", "region", "scale")
    }


def test_a_small_layer_is_not_deflated_and_no_layer_is_an_empty_payload() -> None:
    _, data, payload = to_event(piece(layer("activation", 8, 8)))
    assert (data["encoding"], len(payload)) == ("raw", 64)
    _, data, payload = to_event(piece())
    assert (data["layers"], data["shape"], data["region"], payload) == ([], [], [], b"")


def test_a_payload_that_is_not_whole_is_told() -> None:
    _, data, payload = to_event(piece(layer("mask", 50, 40)))
    for broken in (payload[:-9], b"y" + payload[1:], payload[:1]):
        with pytest.raises(UnavailableError) as refused:
            from_event(data, broken)
        assert refused.value.code == "piece_damaged"
    assert from_event(data).layers == ()


def nothing() -> None:
    pass


def test_the_first_item_comes_alone_and_those_that_come_meanwhile_together() -> None:
    may_go_on = threading.Event()

    def items(_go_on: Callable[[], None]) -> Iterator[int]:
        yield 0
        may_go_on.wait(5)
        yield from range(1, 100)

    bursts = in_bursts(items, check=nothing)
    assert next(bursts) == [0]
    may_go_on.set()
    time.sleep(0.2)
    rest = list(bursts)
    assert [item for burst in rest for item in burst] == list(range(1, 100))
    assert max(map(len, rest)) == MAX_BURST


def test_what_the_iteration_raises_comes_after_what_it_gave() -> None:
    def items(_go_on: Callable[[], None]) -> Iterator[int]:
        yield 1
        raise ValueError("x")

    taken: list[int] = []
    with pytest.raises(ValueError, match="x"):
        for burst in in_bursts(items, check=nothing):
            taken += burst
    assert taken == [1]


def test_who_leaves_ends_the_iteration_between_two_steps() -> None:
    """Though it has nothing to give for a long time, as a model that runs over a volume."""
    steps: list[int] = []

    def items(go_on: Callable[[], None]) -> Iterator[int]:
        for step in range(1000):
            steps.append(step)
            time.sleep(0.01)
            go_on()
        yield 1

    class CancelledError(Exception):
        pass

    def check() -> None:
        if len(steps) > 3:
            raise CancelledError

    with pytest.raises(CancelledError):
        list(in_bursts(items, check=check))
    assert len(steps) < 100
