import pytest
from onnx.helper import make_node

from conversion.graph import read
from conversion.tflite.emitter import emit
from conversion.tflite.partitions import Partitions, partitions

NEAREST = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def found(model, nodes, **constants):
    return partitions(emit(read(model(nodes, **constants)), metadata={}))


def test_a_model_of_arithmetic_is_whole(model):
    assert found(model, [make_node("HardSwish", ["image"], ["logits"])]) == Partitions(count=1, outside=())


def test_a_nearest_resize_in_the_middle_splits_a_model(model):
    nodes = [
        make_node("Sigmoid", ["image"], ["a"]),
        make_node("Resize", ["a", "", "scales"], ["b"], **NEAREST),
        make_node("HardSwish", ["b"], ["logits"]),
    ]

    split = found(model, nodes, scales=[1.0, 1.0, 2.0, 2.0])

    assert split == Partitions(count=2, outside=("RESIZE_NEAREST_NEIGHBOR",))
    assert not split.is_whole


def test_a_nearest_resize_beside_the_rest_stays_outside_without_splitting_it(model):
    nodes = [
        make_node("Sigmoid", ["image"], ["a"]),
        make_node("Resize", ["a", "", "scales"], ["logits"], **NEAREST),
    ]

    assert found(model, nodes, scales=[1.0, 1.0, 2.0, 2.0]) == Partitions(1, ("RESIZE_NEAREST_NEIGHBOR",))


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match="Flatbuffer"):
        partitions(b"no model" * 10)
