import numpy as np
import pytest
from onnx.helper import make_node

from conversion.source.graph import read_graph
from conversion.tflite import fusion, non_negative

RNG = np.random.default_rng(0)
CONV = make_node("Conv", ["image", "w"], ["a"])
WEIGHTS = RNG.normal(size=(4, 4, 1, 1))


def operators(model):
    return [(node.operator, node.attributes.get(fusion.ATTRIBUTE)) for node in fusion.fused(read_graph(model)).nodes]


def test_an_activation_moves_into_its_producer(model, drift):
    small = model([CONV, make_node("Clip", ["a", "low", "high"], ["logits"])], w=WEIGHTS, low=0.0, high=6.0)

    assert operators(small) == [("Conv", "RELU6")]
    assert max(drift(small).values()) < 1e-5


def test_an_activation_stays_where_others_read_what_it_reads(model, drift):
    nodes = [CONV, make_node("Relu", ["a"], ["b"]), make_node("Add", ["a", "b"], ["logits"])]
    small = model(nodes, w=WEIGHTS)

    assert operators(small) == [("Conv", None), ("Relu", None), ("Add", None)]
    assert max(drift(small).values()) < 1e-5


def test_only_the_first_of_two_activations_moves(model, drift):
    nodes = [CONV, make_node("Clip", ["a", "low", "high"], ["b"]), make_node("Relu", ["b"], ["logits"])]
    small = model(nodes, w=WEIGHTS, low=-1.0, high=1.0)

    assert operators(small) == [("Conv", "RELU_N1_TO_1"), ("Relu", None)]
    assert max(drift(small).values()) < 1e-5


def test_a_product_takes_its_bias_and_activation(model, drift):
    nodes = [
        make_node("MatMul", ["image", "w"], ["a"]),
        make_node("Add", ["b", "a"], ["c"]),
        make_node("Relu", ["c"], ["logits"]),
    ]
    small = model(nodes, w=RNG.normal(size=(11, 3)), b=RNG.normal(size=3))

    assert operators(small) == [("MatMul", "RELU")]
    assert max(drift(small).values()) < 1e-5


def test_a_product_of_two_tensors_leaves_its_activation_to_another(model, drift):
    nodes = [
        make_node("Transpose", ["image"], ["a"], perm=[0, 1, 3, 2]),
        make_node("MatMul", ["image", "a"], ["b"]),
        make_node("Relu", ["b"], ["logits"]),
    ]

    assert operators(model(nodes)) == [("Transpose", None), ("MatMul", None), ("Relu", None)]
    assert max(drift(model(nodes)).values()) < 1e-5


@pytest.mark.parametrize("added", [np.ones((9, 1)), np.ones((4, 1, 3)), np.ones((2, 1, 1, 3))])
def test_what_is_no_bias_of_a_product_stays_an_addition(model, drift, added):
    nodes = [make_node("MatMul", ["image", "w"], ["a"]), make_node("Add", ["a", "b"], ["logits"])]
    small = model(nodes, w=RNG.normal(size=(11, 3)), b=added)

    assert operators(small) == [("MatMul", None), ("Add", None)]
    assert max(drift(small).values()) < 1e-5


def test_an_expansion_stays_where_a_reader_needs_it(model, drift):
    nodes = [
        make_node("ReduceMax", ["image", "axes"], ["a"]),
        make_node("Expand", ["a", "size"], ["b"]),
        make_node("Add", ["a", "b"], ["c"]),
        make_node("Mul", ["image", "b"], ["d"]),
        make_node("Add", ["c", "d"], ["logits"]),
    ]
    small = model(nodes, axes=[2, 3], size=[1, 4, 9, 11])

    assert ("Expand", None) in operators(small)
    assert max(drift(small).values()) < 1e-5


def test_an_output_that_an_identity_names_needs_no_operator(model, drift):
    nodes = [make_node("Add", ["image", "image"], ["a"]), make_node("Identity", ["a"], ["logits"])]

    assert operators(model(nodes)) == [("Add", None)]
    assert max(drift(model(nodes)).values()) < 1e-5


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([make_node("Relu", ["image"], ["logits"])], True),
        ([make_node("HardSwish", ["image"], ["logits"])], False),
        ([make_node("Relu", ["image"], ["a"]), make_node("Mul", ["a", "ones"], ["logits"])], True),
        ([make_node("Relu", ["image"], ["a"]), make_node("Mul", ["a", "image"], ["logits"])], False),
        ([make_node("Relu", ["image"], ["a"]), make_node("Sub", ["a", "ones"], ["logits"])], False),
        ([make_node("Sigmoid", ["image"], ["a"]), make_node("Clip", ["a", "", "ones"], ["logits"])], True),
        ([make_node("Clip", ["image", "", "ones"], ["logits"])], False),
        ([make_node("Relu", ["image"], ["a"]), make_node("Clip", ["a", "", "below"], ["logits"])], False),
        ([make_node("Add", ["image", "ones"], ["a"]), make_node("Relu", ["a"], ["logits"])], True),
        ([make_node("Relu", ["image"], ["a"]), make_node("Resize", ["a", "", "", "size"], ["logits"])], True),
    ],
)
def test_what_cannot_be_negative_is_known_by_its_producers(model, nodes, expected):
    graph = fusion.fused(read_graph(model(nodes, ones=1.0, below=-1.0, size=[1, 4, 3, 3])))

    assert ("logits" in non_negative.non_negative(graph)) == expected
