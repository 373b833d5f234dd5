import pytest
from onnx.helper import make_node

from conversion.source.graph import read_graph
from conversion.tflite.emitter import emit
from conversion.tflite.partitions import Partitions, partitions


def found(model, nodes, **constants):
    return partitions(emit(read_graph(model(nodes, **constants)), metadata={}))


def test_a_model_of_arithmetic_is_whole(model):
    assert found(model, [make_node("HardSwish", ["image"], ["logits"])]) == Partitions(count=1, outside=())


def test_an_operator_that_xnnpack_does_not_know_splits_a_model(model):
    nodes = [
        make_node("Sigmoid", ["image"], ["a"]),
        make_node("Tile", ["a", "repeats"], ["b"]),
        make_node("HardSwish", ["b"], ["logits"]),
    ]

    split = found(model, nodes, repeats=[1, 1, 2, 1])

    assert split == Partitions(count=2, outside=("TILE",))
    assert not split.is_whole


def test_an_operator_beside_the_rest_stays_outside_without_splitting_it(model):
    nodes = [make_node("Sigmoid", ["image"], ["a"]), make_node("Tile", ["a", "repeats"], ["logits"])]

    assert found(model, nodes, repeats=[1, 1, 2, 1]) == Partitions(1, ("TILE",))


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match="Flatbuffer"):
        partitions(b"no model" * 10)
