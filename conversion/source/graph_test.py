import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from conversion.source.as_onnx import as_onnx
from conversion.source.graph import read_graph
from training.student.errors import BadInput, ConversionRefused

SHAPE = (1, 3, 8, 10)


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def model_of(*nodes, shape=SHAPE, output="logits", constants=None, opset=18, result=None):
    """`image` in, `output` out; nodes are (operator, inputs, outputs, attributes)."""
    made = [
        helper.make_node(operator, inputs.split(",") if inputs else [], outputs.split(","), name=outputs, **attributes)
        for operator, inputs, outputs, attributes in nodes
    ]
    graph = helper.make_graph(
        made,
        "student",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, result)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def assert_the_same_results(model, shape=SHAPE):
    graph = read_graph(model)
    feeds = {"image": noise(*shape)}
    before = ReferenceEvaluator(model).run(None, feeds)
    after = ReferenceEvaluator(as_onnx(graph)).run(None, feeds)
    for one, other, name in zip(before, after, graph.outputs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
        assert one.shape == graph.shapes[name]
        assert one.dtype == graph.dtypes[name]
    onnx.checker.check_model(as_onnx(graph), full_check=True)
    return graph


def operators(graph):
    return [node.operator for node in graph.nodes]


WEIGHTS = {"weight": noise(4, 3, 3, 3)}


def test_a_plain_network_is_read_as_it_stands():
    graph = assert_the_same_results(
        model_of(
            ("Conv", "image,weight", "wide", {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
            ("Relu", "wide", "logits", {}),
            constants=WEIGHTS,
        )
    )

    assert operators(graph) == ["Conv", "Relu"]
    assert graph.inputs == ("image",)
    assert graph.outputs == ("logits",)
    assert graph.shapes == {"image": SHAPE, "weight": (4, 3, 3, 3), "wide": (1, 4, 4, 5), "logits": (1, 4, 4, 5)}
    assert graph.nodes[0].attributes == {"pads": (1, 1, 1, 1), "strides": (2, 2), "dilations": (1, 1), "group": 1}
    assert str(graph.nodes[0]) == "Conv 'wide'"
    assert [node.operator for node in graph.readers("wide")] == ["Relu"]


def test_whatever_depends_on_constants_alone_is_folded():
    graph = assert_the_same_results(
        model_of(
            ("Constant", "", "two", {"value": numpy_helper.from_array(np.float32(2))}),
            ("Mul", "scale,two", "doubled", {}),
            ("Exp", "doubled", "grown", {}),
            ("Mul", "image,grown", "logits", {}),
            constants={"scale": noise(1, 3, 1, 1)},
        )
    )

    assert operators(graph) == ["Mul"]
    assert set(graph.constants) == {"grown"}
    np.testing.assert_allclose(graph.constants["grown"], np.exp(2 * noise(1, 3, 1, 1)), rtol=1e-6)
    assert set(graph.shapes) == {"image", "grown", "logits"}


def test_the_sign_of_a_constant_is_folded():
    graph = assert_the_same_results(
        model_of(
            ("Sign", "scale", "signs", {}),
            ("Mul", "image,signs", "logits", {}),
            constants={"scale": np.float32([-2.5, 0, 1e-45]).reshape(1, 3, 1, 1)},
        )
    )

    assert operators(graph) == ["Mul"]
    np.testing.assert_array_equal(graph.constants["signs"].reshape(-1), [-1, 0, 1])


def test_a_random_draw_is_not_frozen():
    model = model_of(
        ("RandomNormal", "", "drawn", {"shape": [1]}),
        ("Add", "image,drawn", "logits", {}),
    )

    assert operators(read_graph(model)) == ["RandomNormal", "Add"]


def test_identity_and_dropout_vanish_wherever_they_stand():
    graph = assert_the_same_results(
        model_of(
            ("Identity", "image", "same", {}),
            ("Dropout", "same", "kept", {}),
            ("Relu", "kept", "positive", {}),
            ("Identity", "positive", "again", {}),
            ("Add", "again,same", "logits", {}),
        )
    )

    assert operators(graph) == ["Relu", "Add"]
    assert graph.nodes[1].inputs == ("positive", "image")


def test_an_identity_that_names_an_output_stays():
    assert operators(assert_the_same_results(model_of(("Identity", "image", "logits", {})))) == ["Identity"]


def test_a_dropout_that_still_drops_stays():
    model = model_of(
        ("Dropout", "image,ratio,training", "kept", {}),
        ("Relu", "kept", "logits", {}),
        constants={"ratio": np.float32(0.5), "training": np.bool_(True)},
    )

    assert operators(read_graph(model)) == ["Dropout", "Relu"]


def test_a_dropout_whose_mask_is_read_stays():
    model = model_of(
        ("Dropout", "image", "kept,mask", {}),
        ("Where", "mask,kept,image", "logits", {}),
    )

    assert operators(assert_the_same_results(model)) == ["Dropout", "Where"]


def test_nodes_that_no_output_needs_are_dropped_with_their_constants():
    graph = assert_the_same_results(
        model_of(("Relu", "image", "logits", {}), ("Mul", "image,scale", "unread", {}), constants={"scale": noise(1)})
    )

    assert operators(graph) == ["Relu"]
    assert not graph.constants
    assert "unread" not in graph.shapes


PADS = np.array([0, 0, 1, 2, 0, 0, 3, 0])


def padded(pads=PADS, conv=None, extra=(), constants=None, inputs="image,pads", **attributes):
    return model_of(
        ("Pad", inputs, "padded", attributes),
        ("Conv", "padded,weight", "logits", conv or {}),
        *extra,
        constants={**WEIGHTS, "pads": np.asarray(pads, np.int64), **(constants or {})},
    )


@pytest.mark.parametrize(
    ("model", "pads"),
    [
        (padded(), (1, 2, 3, 0)),
        (padded(conv={"pads": [1, 1, 2, 2], "strides": [2, 2]}), (2, 3, 5, 2)),
        (padded(inputs="image,pads,fill", constants={"fill": np.float32(0)}), (1, 2, 3, 0)),
        (padded(conv={"dilations": [2, 2], "pads": [1, 1, 1, 1]}), (2, 3, 4, 1)),
    ],
)
def test_a_zero_pad_becomes_the_padding_of_its_conv(model, pads):
    graph = assert_the_same_results(model)

    assert operators(graph) == ["Conv"]
    assert graph.nodes[0].attributes["pads"] == pads
    assert "pads" not in graph.constants


@pytest.mark.parametrize(
    "model",
    [
        padded(mode="reflect"),
        padded(inputs="image,pads,fill", constants={"fill": np.float32(1)}),
        padded(extra=[("Relu", "padded", "other", {}), ("ReduceSum", "other", "sum", {})]),
        model_of(
            ("Pad", "image,pads", "padded", {}),
            ("MaxPool", "padded", "logits", {"kernel_shape": [2, 2]}),
            constants={"pads": PADS},
        ),
        model_of(
            ("Pad", "image,pads", "padded", {}),
            ("Conv", "padded,weight", "logits", {}),
            constants={"pads": np.array([0, 1, 0, 0, 0, 0, 0, 0]), "weight": noise(4, 4, 3, 3)},
        ),
    ],
    ids=["reflected", "filled with ones", "read elsewhere", "a pool", "channels"],
)
def test_any_other_pad_stays(model):
    # An output that reads the padded tensor keeps it alive.
    if any(node.output[0] == "sum" for node in model.graph.node):
        model.graph.output.append(helper.make_tensor_value_info("sum", TensorProto.FLOAT, None))

    assert "Pad" in operators(assert_the_same_results(model))


def test_a_pad_that_crops_stays():
    # ONNX's own evaluator cannot crop, so there are no results to compare.
    assert operators(read_graph(padded(pads=[0, 0, -1, 0, 0, 0, 0, 0]))) == ["Pad", "Conv"]


def test_two_convs_share_an_absorbed_pad():
    model = model_of(
        ("Pad", "image,pads", "padded", {}),
        ("Conv", "padded,weight", "one", {}),
        ("Conv", "padded,weight", "other", {"dilations": [1, 1], "pads": [0, 0, 0, 0]}),
        ("Add", "one,other", "logits", {}),
        constants={**WEIGHTS, "pads": PADS},
    )

    assert operators(assert_the_same_results(model)) == ["Conv", "Conv", "Add"]


def test_a_pad_of_the_oldest_opsets_is_understood():
    model = model_of(
        ("Pad", "image", "padded", {"pads": PADS.tolist(), "mode": "constant", "value": 0.0}),
        ("Conv", "padded,weight", "logits", {}),
        constants=WEIGHTS,
        opset=9,
    )

    graph = read_graph(model)

    assert operators(graph) == ["Conv"]
    assert graph.nodes[0].attributes["pads"] == (1, 2, 3, 0)


def test_a_bound_left_out_is_infinite():
    graph = assert_the_same_results(
        model_of(("Clip", "image,,high", "logits", {}), constants={"high": np.float32(0.5)})
    )

    assert graph.nodes[0].inputs == ("image",)
    assert graph.nodes[0].attributes == {"min": -np.inf, "max": 0.5}


def test_initialisers_listed_as_inputs_as_old_exporters_do_are_no_inputs():
    model = model_of(("Mul", "image,scale", "logits", {}), constants={"scale": noise(1)})
    model.graph.input.append(helper.make_tensor_value_info("scale", TensorProto.FLOAT, [1]))

    assert assert_the_same_results(model).inputs == ("image",)


def test_properties_of_the_model_travel_along():
    model = model_of(("Relu", "image", "logits", {}))
    helper.set_model_props(model, {"contract": "{}"})

    assert read_graph(model).metadata == {"contract": "{}"}


def branch(output):
    value = numpy_helper.from_array(noise(1), output)
    return helper.make_graph([], "branch", [], [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1])], [value])


def foreign():
    model = model_of(("Relu", "image", "relu", {}), ("Gelu", "relu", "logits", {"domain": "com.microsoft"}))
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return model


REFUSED = {
    "a named size": (
        model_of(("Relu", "image", "logits", {}), shape=(1, 3, "height", 8)),
        "'image' has a dynamic shape",
    ),
    "a size left open": (model_of(("Relu", "image", "logits", {}), shape=(1, 3, None, 8)), "'image' has a dynamic"),
    "no shape at all": (model_of(("Relu", "image", "logits", {}), shape=None), "'image' has a dynamic shape"),
    "a shape that values decide": (
        model_of(("NonZero", "image", "places", {}), ("Cast", "places", "logits", {"to": TensorProto.FLOAT})),
        "NonZero 'places' writes 'places' of unknown shape; simplify",
    ),
    "control flow": (
        model_of(
            ("If", "yes", "one", {"then_branch": branch("then"), "else_branch": branch("else")}),
            ("Add", "image,one", "logits", {}),
            constants={"yes": np.bool_(True)},
        ),
        "If holds a graph of its own; .* without control flow",
    ),
    "a foreign operator": (foreign(), "Gelu of domain 'com.microsoft' is not ONNX's own"),
    "shapes that do not fit": (
        model_of(("Add", "image,scale", "logits", {}), constants={"scale": noise(7)}),
        "Add 'logits' contradicts the model: .*Incompatible",
    ),
}


@pytest.mark.parametrize(("model", "message"), REFUSED.values(), ids=REFUSED)
def test_what_no_phone_can_run_is_refused_by_name(model, message):
    with pytest.raises(ConversionRefused, match=message):
        read_graph(model)


def test_sizes_left_open_are_those_that_are_asked_for():
    model = model_of(("Relu", "image", "logits", {}), shape=("batch", 3, "height", None))

    assert read_graph(model, {"image": (2, 3, 4, 6)}).shapes["logits"] == (2, 3, 4, 6)
    with pytest.raises(ConversionRefused, match=r"'image' is \['\?', 3, '\?', '\?'\] in the model, .* \[1, 4, 4, 4\]"):
        read_graph(model, {"image": (1, 4, 4, 4)})


def test_a_batch_left_open_is_one():
    assert read_graph(model_of(("Relu", "image", "logits", {}), shape=("N", 3, 4, 6))).shapes["logits"] == (1, 3, 4, 6)


def test_shapes_of_inputs_that_do_not_exist_are_refused():
    with pytest.raises(BadInput, match="no input is called 'picture'; the model has image"):
        read_graph(model_of(("Relu", "image", "logits", {})), {"picture": (1, 3, 8, 8)})


def of_opset(version, domain=""):
    model = model_of(("Relu", "image", "logits", {}))
    model.opset_import[0].version, model.opset_import[0].domain = version, domain
    return model


def declared(*shape):
    return model_of(("Relu", "image", "logits", {}), result=shape)


UNSOUND = {
    "an image of gigabytes": (
        model_of(("Relu", "image", "logits", {}), shape=(1, 3, 2**20, 2**20)),
        "the model reads 'image' of shape .*; expected 1 to 134217728 elements",
    ),
    "an opset of the future": (of_opset(99), "opset 99; known are 1 to"),
    "no operators of ONNX": (of_opset(3, "ai.onnx.ml"), r"no operators of ONNX's own, only of ai\.onnx\.ml"),
    "a weight that is no number": (
        model_of(("Mul", "image,w", "logits", {}), constants={"w": np.float32(np.nan)}),
        "Mul 'logits' reads 'w', which holds NaN; train",
    ),
    "an infinite weight": (
        model_of(("Mul", "image,w", "logits", {}), constants={"w": np.float32(np.inf)}),
        "reads 'w', which holds infinity",
    ),
    "statistics below zero": (
        model_of(
            ("BatchNormalization", "image,s,s,s,v", "logits", {}),
            constants={"s": noise(3), "v": -np.ones(3, np.float32)},
        ),
        "BatchNormalization|Mul 'logits' reads '.*', which holds NaN",
    ),
    "an integer beyond 32 bits": (
        model_of(
            ("Cast", "image", "whole", {"to": TensorProto.INT64}),
            ("Add", "whole,huge", "sum", {}),
            ("Cast", "sum", "logits", {"to": TensorProto.FLOAT}),
            constants={"huge": np.int64(2**31)},
        ),
        "Add 'sum' reads 'huge', which holds 2147483648, beyond the 32 bits",
    ),
    "a slope that is no number": (
        model_of(("LeakyRelu", "image", "logits", {"alpha": float("nan")})),
        "LeakyRelu 'logits' has alpha NaN",
    ),
    "a stride beyond 32 bits": (
        model_of(("Conv", "image,weight", "logits", {"strides": [2**40, 1]}), constants=WEIGHTS),
        "Conv 'logits' has strides 1099511627776, beyond the 32 bits",
    ),
    "a name read before it is written": (
        model_of(("Relu", "later", "logits", {}), ("Relu", "image", "later", {})),
        "Relu 'logits' reads 'later', which nothing before it writes",
    ),
    "a name written twice": (
        model_of(("Relu", "image", "a", {}), ("Neg", "image", "a", {}), ("Relu", "a", "logits", {})),
        "Neg 'a' writes 'a', which is written before",
    ),
    "an output that nothing writes": (model_of(("Relu", "image", "a", {})), "reads 'logits', which nothing"),
    "an output of another shape": (declared(1, 3, 9, 9), r"output 'logits' is \(1, 3, 8, 10\), .*\(1, 3, 9, 9\)"),
    "an operator of another time": (
        model_of(("Upsample", "image,scales", "logits", {}), constants={"scales": np.float32([1, 1, 2, 2])}),
        "Upsample 'logits' contradicts the model: .*deprecated since",
    ),
    "an operator that does not exist": (
        model_of(("Frobnicate", "image", "logits", {})),
        "Frobnicate 'logits' is no op",
    ),
}


@pytest.mark.parametrize(("model", "message"), UNSOUND.values(), ids=UNSOUND)
def test_what_contradicts_itself_is_refused_by_name(model, message):
    with pytest.raises(ConversionRefused, match=message) as refusal:
        read_graph(model)

    assert "\n" not in str(refusal.value)


def test_an_infinity_that_masks_is_kept():
    model = model_of(("Add", "image,mask", "logits", {}), constants={"mask": np.float32([0] * 9 + [-np.inf])})

    assert np.isinf(assert_the_same_results(model).constants["mask"]).any()
