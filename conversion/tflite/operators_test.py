import numpy as np
import pytest
from onnx.helper import make_node
from onnx.reference import ReferenceEvaluator

from conversion.source.graph import read_graph
from conversion.tflite.builtin import Use, version
from conversion.tflite.emitter import emit
from conversion.tflite.interpreter import open_interpreter
from conversion.tflite.partitions import partitions
from training.student.errors import ConversionRefused

RNG = np.random.default_rng(0)
CHANNELS = 4


def weights(*shape):
    return RNG.normal(size=shape)


def converted(model):
    return emit(read_graph(model), metadata={})


LINE = [0.5, -1.5, 2.0, 0.25]
CHANNEL = np.reshape(LINE, (1, CHANNELS, 1, 1))
IMAGE = (1, CHANNELS, 9, 11)
ROWS = {"axes": [2, 3]}
BOTH_MODES = ({"mode": "DCR"}, {"mode": "CRD"})


def one(operator, *inputs, shape=IMAGE, opset=18, attributes=None, **constants):
    """One node, as keywords of the `model` fixture."""
    node = make_node(operator, ["image", *inputs], ["logits"], **(attributes or {}))
    return {"nodes": [node], "shape": shape, "opset": opset, **constants}


def several(*nodes, shape=IMAGE, opset=18, **constants):
    """Nodes as (operator, inputs, outputs, attributes), as keywords of the `model` fixture."""
    made = [make_node(operator, a.split(), b.split(), **attributes) for operator, a, b, attributes in nodes]
    return {"nodes": made, "shape": shape, "opset": opset, **constants}


def resized(*, size=(9, 11), opset=18, sizes=None, scales=None, **attributes):
    inputs, constants = ["", "scales"], {"scales": [1.0, 1.0, *(scales or (2.0, 2.0))]}
    if sizes:
        inputs, constants = ["", "", "sizes"], {"sizes": [1, CHANNELS, *sizes]}
    if opset < 11:
        inputs = ["scales"]
    return one("Resize", *inputs, shape=(1, CHANNELS, *size), opset=opset, attributes=attributes, **constants)


def spread(kernel=(3, 3), filters=3, group=1, shape=(1, CHANNELS, 4, 5), **attributes):
    """A ConvTranspose with a bias."""
    given = {"w": weights(shape[1], filters, *kernel), "b": weights(filters * group)}
    return one("ConvTranspose", "w", "b", shape=shape, attributes={"group": group, **attributes}, **given)


def decided(*nodes, **constants):
    """Nodes that write `yes`, made numbers."""
    return several(*nodes, ("Cast", "yes", "logits", {"to": 1}), **constants)


LINEAR, NEAREST = {"mode": "linear"}, {"mode": "nearest"}
ACCEPTED = {
    "relu": one("Relu"),
    "relu6": one("Clip", "low", "high", low=0.0, high=6.0),
    "clip": one("Clip", "low", "high", low=-0.5, high=1.5),
    "clip-below": one("Clip", "low", low=-0.5),
    "clip-above": one("Clip", "", "high", high=0.5),
    "clip-by-attributes": one("Clip", opset=6, attributes={"min": -1.0, "max": 1.0}),
    "hard-swish": one("HardSwish"),
    "hard-sigmoid": one("HardSigmoid"),
    "hard-sigmoid-of-mobilenet": one("HardSigmoid", attributes={"alpha": 1 / 6, "beta": 0.5}),
    "sigmoid": one("Sigmoid"),
    "tanh": one("Tanh"),
    "softplus": one("Softplus"),
    "elu": one("Elu"),
    "elu-of-another-alpha": one("Elu", attributes={"alpha": 0.3}),
    "leaky-relu": one("LeakyRelu", attributes={"alpha": 0.2}),
    "prelu": one("PRelu", "slope", slope=CHANNEL[0]),
    "gelu": one("Gelu", opset=20),
    "gelu-by-tanh": one("Gelu", opset=20, attributes={"approximate": "tanh"}),
    "exp": one("Exp"),
    "neg-abs": several(("Abs", "image", "a", {}), ("Neg", "a", "logits", {})),
    "log-sqrt-reciprocal": several(
        ("Abs", "image", "a", {}),
        ("Add", "a one", "b", {}),
        ("Sqrt", "b", "c", {}),
        ("Log", "c", "d", {}),
        ("Add", "d one", "e", {}),
        ("Reciprocal", "e", "logits", {}),
        one=1.0,
    ),
    "floor-ceil-round": several(
        ("Floor", "image", "a", {}),
        ("Ceil", "image", "b", {}),
        ("Round", "image", "c", {}),
        ("Concat", "a b c", "logits", {"axis": 1}),
    ),
    "sign": several(("Round", "image", "a", {}), ("Sign", "a", "logits", {})),
    "sign-of-whole-numbers": several(("Cast", "image", "a", {"to": 7}), ("Sign", "a", "logits", {})),
    "sin-cos": several(("Sin", "image", "a", {}), ("Cos", "a", "logits", {})),
    "square": one("Pow", "two", two=2.0),
    "power": several(("Abs", "image", "a", {}), ("Pow", "a exponent", "logits", {}), exponent=CHANNEL),
    "maximum-minimum": several(("Max", "image line", "a", {}), ("Min", "a line image", "logits", {}), line=CHANNEL),
    "add-per-channel": one("Add", "line", line=CHANNEL),
    "sub-per-channel-of-rank-3": one("Sub", "line", line=CHANNEL[0]),
    "mul-per-column": one("Mul", "line", shape=(1, 2, 9, 4), line=LINE),
    "mul-scalar": one("Mul", "line", line=0.3),
    "div-per-channel": one("Div", "line", line=CHANNEL),
    "div-a-constant": several(("Exp", "image", "a", {}), ("Div", "line a", "logits", {}), line=CHANNEL),
    "add-itself": one("Add", "image"),
    "mul-of-lower-rank": several(
        ("ReduceMean", "image axes", "a", {"keepdims": 0}), ("Mul", "image a", "logits", {}), axes=[0, 1]
    ),
    "mul-of-lower-rank-by-channel": several(
        ("ReduceMean", "image axes", "a", {"keepdims": 0}),
        ("Mul", "a image", "logits", {}),
        shape=(1, 9, 11, 4),
        axes=[0, 1, 2],
    ),
    "comparisons": decided(
        ("Greater", "image line", "a", {}),
        ("LessOrEqual", "image other", "b", {}),
        ("Or", "a b", "c", {}),
        ("Less", "image line", "d", {}),
        ("GreaterOrEqual", "image other", "e", {}),
        ("And", "d e", "f", {}),
        ("Not", "f", "g", {}),
        ("Equal", "c g", "yes", {}),
        line=CHANNEL,
        other=-1.0,
    ),
    "where": several(
        ("Greater", "image line", "a", {}), ("Where", "a image low", "logits", {}), line=CHANNEL, low=-1.0
    ),
    "a-decision": one("Greater", "line", line=CHANNEL),
    "whole-numbers": several(
        ("Cast", "image", "a", {"to": 7}), ("Mul", "a three", "b", {}), ("Add", "b a", "logits", {}), three=3
    ),
    "matmul": one("MatMul", "w", shape=(2, 5, 6), w=weights(6, 3)),
    "matmul-of-a-matrix": one("MatMul", "w", shape=(5, 6), w=weights(6, 3)),
    "matmul-of-an-image": one("MatMul", "w", w=weights(11, 3)),
    "matmul-from-the-left": several(("MatMul", "w image", "logits", {}), w=weights(3, 9)),
    "matmul-with-bias-and-relu": several(
        ("MatMul", "image w", "a", {}),
        ("Add", "b a", "c", {}),
        ("Relu", "c", "logits", {}),
        shape=(1, 5, 6),
        w=weights(6, 3),
        b=weights(3),
    ),
    "matmul-of-itself": one("MatMul", "image", shape=(1, 2, 5, 5)),
    "reshaped-twice": several(
        ("Split", "image sizes", "unread a", {"axis": 2}),
        ("Unsqueeze", "a first", "b", {}),
        ("Softmax", "b", "c", {"axis": 0}),
        ("Mul", "b half", "d", {}),
        ("Concat", "c d", "logits", {"axis": 0}),
        shape=(1, 1, 2, 2),
        sizes=[1, 1],
        first=[0],
        half=[0.5],
    ),
    "matmul-of-batches": one("MatMul", "w", shape=(2, 5, 6), w=weights(2, 6, 3)),
    "matmul-of-two": several(
        ("Transpose", "image", "a", {"perm": [0, 1, 3, 2]}),
        ("MatMul", "image a", "b", {}),
        ("MatMul", "a b", "c", {}),
        ("Relu", "c", "logits", {}),
    ),
    "gemm": one(
        "Gemm",
        "w",
        "b",
        shape=(5, 6),
        w=weights(3, 6),
        b=weights(3),
        attributes={"transB": 1, "alpha": 0.5, "beta": 2.0},
    ),
    "concat-channels": one("Concat", "image", attributes={"axis": 1}),
    "concat-rows": one("Concat", "image", attributes={"axis": -2}),
    "concat-a-constant": one("Concat", "extra", attributes={"axis": 1}, extra=weights(1, 2, 9, 11)),
    "concat-many": one("Concat", *["image"] * 11, attributes={"axis": 1}),
    "split-evenly": several(
        ("Split", "image", "a b", {"axis": 1, "num_outputs": 2}), ("Concat", "b a", "logits", {"axis": 1})
    ),
    "split-unevenly": several(
        ("Split", "image sizes", "a b c", {"axis": 2}), ("Concat", "c b a", "logits", {"axis": 2}), sizes=[2, 3, 4]
    ),
    "slice": one("Slice", "starts", "ends", "axes", starts=[1, -6], ends=[3, 1000], axes=[1, 3]),
    "slice-in-leaps": one("Slice", "a", "b", "axes", "steps", a=[1, -1], b=[9, -100], axes=[2, 3], steps=[3, -2]),
    "gather-one": one("Gather", "places", places=-2, attributes={"axis": 1}),
    "gather-neighbours": one("Gather", "places", places=[1, 2, 3], attributes={"axis": 2}),
    "gather-any": one("Gather", "places", places=[[3, 0], [1, 1]], attributes={"axis": 1}),
    "gather-computed": several(
        ("ArgMax", "image", "a", {"axis": 3, "keepdims": 0}),
        ("Gather", "table a", "logits", {"axis": 0}),
        shape=(1, 2, 3, 5),
        table=weights(5, 2),
    ),
    "tile": one("Tile", "repeats", repeats=[1, 2, 3, 1]),
    "expand": one("Expand", "shape_", shape=(1, CHANNELS, 1, 11), shape_=[1, CHANNELS, 3, 11]),
    "expand-for-a-reader": several(
        ("ReduceMax", "image axes", "a", {}),
        ("Expand", "a size", "b", {}),
        ("Sub", "image b", "logits", {}),
        axes=[2, 3],
        size=[1, CHANNELS, 9, 11],
    ),
    "flatten": one("Flatten"),
    "unsqueeze-squeeze": several(
        ("Unsqueeze", "image axes", "a", {}),
        ("Relu", "a", "b", {}),
        ("Squeeze", "b axes", "logits", {}),
        axes=[2],
    ),
    "a-transpose-alone": one("Transpose", attributes={"perm": [0, 2, 3, 1]}),
    "space-to-depth": one("SpaceToDepth", shape=(1, 3, 4, 6), attributes={"blocksize": 2}),
    "depth-to-space": one("DepthToSpace", shape=(1, 12, 3, 5), attributes={"blocksize": 2}),
    "pixel-shuffle": one("DepthToSpace", shape=(1, 12, 3, 5), attributes={"blocksize": 2, "mode": "CRD"}),
    "global-average": one("GlobalAveragePool"),
    "mean-of-image": one("ReduceMean", "axes", axes=[2, 3]),
    "mean-of-image-by-attribute": one("ReduceMean", opset=13, attributes={"axes": [-1, -2]}),
    "mean-without-keepdims": one("ReduceMean", "axes", attributes={"keepdims": 0}, axes=[2, 3]),
    "mean-of-rows-without-keepdims": one("ReduceMean", "axes", attributes={"keepdims": 0}, axes=[2]),
    "mean-of-channels": one("ReduceMean", "axes", axes=[1]),
    "sum": one("ReduceSum", "axes", axes=[1, 3]),
    "largest": one("ReduceMax", "axes", attributes={"keepdims": 0}, axes=[1]),
    "least": one("ReduceMin", "axes", axes=[2]),
    "product": one("ReduceProd", "axes", shape=(1, 3, 2, 5), axes=[1, 2]),
    "argmax": one("ArgMax", attributes={"axis": 1}),
    "argmax-without-keepdims": one("ArgMax", attributes={"axis": 1, "keepdims": 0}),
    "argmin": one("ArgMin", attributes={"axis": 3, "keepdims": 0}),
    "normalised": one(
        "BatchNormalization", "s", "o", "m", "v", s=LINE, o=LINE[::-1], m=LINE, v=np.square(LINE), attributes={}
    ),
    "layer-normalised": one("LayerNormalization", "s", "o", shape=(1, 5, 4), s=LINE, o=LINE[::-1]),
    "layer-normalised-rows": one("LayerNormalization", "s", s=weights(9, 11), attributes={"axis": 2, "epsilon": 1e-3}),
    "layer-normalised-channels": several(
        ("Transpose", "image", "a", {"perm": [0, 2, 3, 1]}),
        ("LayerNormalization", "a s o", "b", {}),
        ("Transpose", "b", "logits", {"perm": [0, 3, 1, 2]}),
        s=LINE,
        o=LINE[::-1],
    ),
    "softmax-of-channels": one("Softmax", attributes={"axis": 1}),
    "softmax-of-rows": one("Softmax", attributes={"axis": 2}),
    "softmax-of-last": one("Softmax", shape=(3, 7)),
    "log-softmax": one("LogSoftmax", attributes={"axis": 1}),
    "padded": one("Pad", "pads", pads=[0, 1, 2, 3, 0, 0, 1, 4]),
    "padded-with-a-number": one("Pad", "pads", "fill", pads=[0, 0, 2, 3, 0, 0, 1, 4], fill=2.5),
    "padded-along-an-axis": one("Pad", "pads", "", "axes", pads=[2, 1], axes=[-1]),
    "padded-and-cropped": one("Pad", "pads", pads=[0, 0, -2, 1, 0, -1, -3, 0]),
    "reflected": one("Pad", "pads", attributes={"mode": "reflect"}, pads=[0, 0, 1, 2, 0, 0, 3, 1]),
    "repeated-at-the-edge": one("Pad", "pads", attributes={"mode": "edge"}, pads=[0, 1, 0, 2, 0, 0, 3, 1]),
    "wrapped": one("Pad", "pads", opset=19, attributes={"mode": "wrap"}, pads=[0, 0, 0, 2, 0, 0, 0, 1]),
    "spread-whole": spread(strides=[2, 2]),
    "spread-same": spread(kernel=(4, 4), strides=[2, 2], pads=[1, 1, 1, 1]),
    "spread-cut-at-the-end": spread(strides=[2, 2], pads=[0, 0, 1, 1]),
    "spread-cut-all-round": spread(strides=[2, 3], pads=[1, 0, 2, 1], output_padding=[1, 1]),
    "spread-beyond": spread(kernel=(2, 2), strides=[3, 3], output_padding=[2, 1]),
    "spread-with-holes": spread(kernel=(3, 2), strides=[2, 1], dilations=[2, 3]),
    "spread-without-bias": one("ConvTranspose", "w", w=weights(CHANNELS, 2, 2, 2), attributes={"strides": [2, 2]}),
    "spread-depthwise": spread(kernel=(4, 4), filters=1, group=CHANNELS, strides=[2, 2], pads=[1, 1, 1, 1]),
    "spread-in-groups": spread(filters=3, group=2, strides=[2, 2], pads=[1, 0, 0, 1], output_padding=[1, 0]),
    "spread-in-groups-beyond": spread(kernel=(2, 1), filters=2, group=2, strides=[3, 3], output_padding=[2, 1]),
    "spread-in-groups-by-one": spread(filters=2, group=2, pads=[1, 1, 0, 2]),
    "linear-half-pixel": resized(**LINEAR),
    "linear-half-pixel-smaller": resized(sizes=(5, 4), **LINEAR),
    "linear-pytorch-half-pixel": resized(coordinate_transformation_mode="pytorch_half_pixel", **LINEAR),
    "linear-align-corners": resized(sizes=(20, 33), coordinate_transformation_mode="align_corners", **LINEAR),
    "linear-asymmetric": resized(coordinate_transformation_mode="asymmetric", scales=(3.0, 1.0), **LINEAR),
    "linear-of-opset-10": resized(opset=10, **LINEAR),
    "nearest-asymmetric-floor": resized(
        coordinate_transformation_mode="asymmetric", nearest_mode="floor", scales=(2.0, 3.0), **NEAREST
    ),
    "nearest-asymmetric-floor-smaller": resized(
        coordinate_transformation_mode="asymmetric", nearest_mode="floor", size=(9, 12), sizes=(4, 5), **NEAREST
    ),
    "nearest-by-default": resized(**NEAREST),
    "nearest-half-pixel-round-prefer-ceil": resized(sizes=(13, 7), nearest_mode="round_prefer_ceil", **NEAREST),
    "nearest-align-corners": resized(
        sizes=(20, 31), coordinate_transformation_mode="align_corners", nearest_mode="round_prefer_ceil", **NEAREST
    ),
}


@pytest.mark.parametrize("case", ACCEPTED.values(), ids=ACCEPTED)
def test_an_operator_is_onnx_runtime_s(model, drift, case):
    assert max(drift(model(**case)).values()) < 1e-5


@pytest.mark.parametrize("reference_kernels", [False, True])
def test_the_sign_of_edge_cases_is_onnx_s(model, reference_kernels):
    edges = np.float32([-np.inf, -1e-45, -0.0, 0.0, 1e-45, np.inf, np.nan])
    sign = model(**one("Sign", shape=edges.shape))
    interpreter = open_interpreter(converted(sign), reference_kernels=reference_kernels)

    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], edges)
    interpreter.invoke()

    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_array_equal(found, ReferenceEvaluator(sign).run(None, {"image": edges})[0])


def test_the_sign_of_whole_numbers_alone_takes_its_second_version():
    versions = {dtype: version("SIGN", Use(((4,),), (np.dtype(dtype),), {})) for dtype in (np.float32, np.int32)}

    assert versions == {np.float32: 1, np.int32: 2}


# What XNNPACK does not know.
OUTSIDE = {
    "a-decision": ["GREATER"],
    "argmax": ["ARG_MAX", "RESHAPE"],
    "comparisons": [
        "GREATER",
        "LESS_EQUAL",
        "LOGICAL_OR",
        "LESS",
        "GREATER_EQUAL",
        "LOGICAL_AND",
        "LOGICAL_NOT",
        "EQUAL",
        "CAST",
    ],
    "expand": ["BROADCAST_TO"],
    "gather-any": ["GATHER"],
    "log-softmax": ["LOG_SOFTMAX"],
    "nearest-asymmetric-floor-smaller": ["RESIZE_NEAREST_NEIGHBOR"],
    "padded-with-a-number": ["PADV2"],
    "pixel-shuffle": ["GATHER"],
    "power": ["POW"],
    "product": ["REDUCE_PROD"],
    "sign": ["SIGN"],
    "reflected": ["GATHER", "GATHER"],
    "slice-in-leaps": ["STRIDED_SLICE"],
    "tile": ["TILE"],
    "where": ["GREATER", "SELECT_V2"],
}
WHOLE = [
    "clip",
    "concat-many",
    "depth-to-space",
    "div-per-channel",
    "elu-of-another-alpha",
    "exp",
    "floor-ceil-round",
    "gather-neighbours",
    "gather-one",
    "gelu",
    "gelu-by-tanh",
    "gemm",
    "hard-sigmoid",
    "hard-swish",
    "layer-normalised",
    "layer-normalised-channels",
    "leaky-relu",
    "linear-half-pixel",
    "log-sqrt-reciprocal",
    "matmul-of-two",
    "matmul-with-bias-and-relu",
    "mean-of-rows-without-keepdims",
    "nearest-asymmetric-floor",
    "normalised",
    "padded",
    "prelu",
    "relu",
    "sigmoid",
    "slice",
    "softmax-of-channels",
    "softplus",
    "space-to-depth",
    "split-evenly",
    "split-unevenly",
    "spread-cut-all-round",
    "spread-depthwise",
    "spread-in-groups",
    "spread-same",
    "square",
    "sum",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_few_operators_stay_outside_xnnpack(model, name):
    assert list(partitions(converted(model(**ACCEPTED[name]))).outside) == OUTSIDE[name]


def test_all_others_are_one_partition(model):
    found = {name: partitions(converted(model(**ACCEPTED[name]))) for name in WHOLE}

    assert {name: split for name, split in found.items() if not split.is_whole} == {}


REFUSED = {
    "nothing-known": (one("Erf"), "Erf", "known are Abs, Add"),
    "cubic": (resized(mode="cubic"), "mode cubic", "use linear or nearest"),
    "cropped": (
        one(
            "Resize",
            "roi",
            "scales",
            attributes={"coordinate_transformation_mode": "tf_crop_and_resize", **LINEAR},
            roi=[0.0, 0.0, 0.1, 0.1, 1.0, 1.0, 0.9, 0.9],
            scales=[1.0, 1.0, 2.0, 2.0],
        ),
        "tf_crop_and_resize",
        "use one of half_pixel",
    ),
    "nearest-that-ties": (
        resized(coordinate_transformation_mode="asymmetric", nearest_mode="ceil", **NEAREST),
        "asymmetric with nearest_mode ceil",
        "use asymmetric with floor",
    ),
    "uneven-scale": (resized(scales=(1.3, 1.3), **LINEAR), "[9, 11] to [11, 14] by", "sizes instead"),
    "antialias": (resized(sizes=(4, 5), antialias=1, **LINEAR), "antialias 1", "AveragePool"),
    "channels-resized": (
        one("Resize", "", "scales", attributes=LINEAR, scales=[1.0, 2.0, 1.0, 1.0]),
        "(1, 4, 9, 11) to (1, 8, 9, 11)",
        "rows and columns",
    ),
    "cropped-by-reflection": (
        one("Pad", "pads", attributes={"mode": "reflect"}, pads=[0, 0, -1, 1] * 2),
        "mode reflect with negative pads",
        "crop with Slice",
    ),
    "one-dimensional": (one("Conv", "w", shape=(1, 4, 9), w=weights(4, 4, 3)), "(1, 4, 9)", "rank 4"),
    "dilated-pool": (
        one("MaxPool", attributes={"kernel_shape": [2, 2], "dilations": [2, 2]}),
        "dilations [2, 2]",
        "use dilation 1",
    ),
    "leaping-pool": (
        one("MaxPool", attributes={"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1}),
        "ceil_mode with a window that starts behind",
        "use ceil_mode 0",
    ),
    "computed-weights": (
        one("Conv", "image", shape=(4, 4, 3, 3)),
        "'image' that is computed",
        "make it a constant",
    ),
    "groups-spread-unevenly": (
        spread(group=2, strides=[2, 3]),
        "groups with strides [2, 3]",
        "use the same for rows and columns",
    ),
    "a-product-with-a-line": (one("MatMul", "w", w=weights(11)), "'w' of shape (11,)", "reshape it to rank 2"),
    "the-last-of-equals": (
        one("ArgMax", attributes={"axis": 1, "select_last_index": 1}),
        "select_last_index 1",
        "use 0",
    ),
    "arithmetic-of-bytes": (
        several(("Cast", "image", "a", {"to": 2}), ("Add", "a a", "logits", {})),
        "'a' of type uint8",
        "cast it to float32",
    ),
    "half-precision": (one("Cast", attributes={"to": 10}), "numbers of type float16", "export the model in float32"),
}


@pytest.mark.parametrize(("case", "found", "instead"), REFUSED.values(), ids=REFUSED)
def test_what_tflite_cannot_express_is_refused_with_a_way_out(model, case, found, instead):
    with pytest.raises(ConversionRefused) as refusal:
        converted(model(**case))

    assert case["nodes"][-1].op_type in str(refusal.value)
    assert found in str(refusal.value)
    assert instead in str(refusal.value)


HIGH = (2, 3, 1, 4, 2, 3)
CUT = {"starts": [1], "ends": [2], "axes": [1]}


@pytest.mark.parametrize(
    ("case", "found"),
    [
        (one("Greater", "line", shape=HIGH[:5], line=LINE[:2]), "GREATER of 5 axes"),
        (one("PRelu", "slope", shape=HIGH[:5], slope=LINE[:2]), "PRELU of 5 axes"),
        (one("Slice", "starts", "ends", "axes", shape=HIGH, **CUT), "SLICE of 6 axes"),
        (one("Pad", "pads", shape=HIGH, pads=[1] * 12), "PAD of 6 axes"),
        (one("MatMul", "w", shape=HIGH, w=weights(4, 3, 2)), "BATCH_MATMUL of 6 axes"),
        (one("Add", "line", shape=(2, *HIGH), line=LINE[:3]), "ADD of 7 axes"),
        (one("Transpose", shape=(2, *HIGH)), "7 axes to move"),
    ],
)
def test_more_axes_than_kernels_take_are_refused(model, case, found):
    with pytest.raises(ConversionRefused, match=found):
        converted(model(**case))


def test_as_many_axes_as_kernels_take_are_computed(model, drift):
    nodes = several(
        ("Transpose", "image", "a", {"perm": [3, 0, 5, 1, 4, 2]}),
        ("Mul", "a line", "b", {}),
        ("Softmax", "b", "c", {"axis": 1}),
        ("ReduceMean", "c axes", "d", {"keepdims": 0}),
        ("Slice", "d starts ends axes_", "logits", {}),
        shape=HIGH,
        line=weights(3, 1, 1, 1),
        axes=[2],
        starts=[1],
        ends=[4],
        axes_=[0],
    )

    assert max(drift(model(**nodes)).values()) < 1e-5


def test_an_infinite_constant_is_refused(model):
    small = model([make_node("Max", ["image", "bound"], ["logits"])], bound=-np.inf)

    with pytest.raises(ConversionRefused, match="constant 'bound' holds -inf, which TFLite's arithmetic clamps"):
        converted(small)


def test_a_refusal_names_every_operator_that_is_missing(model):
    small = model([make_node("Erf", ["image"], ["a"], name="gelu"), make_node("Tan", ["a"], ["logits"])])

    with pytest.raises(ConversionRefused, match="Erf 'gelu', Tan"):
        converted(small)


def test_an_input_of_another_type_is_refused(model):
    small = model([make_node("Relu", ["image"], ["logits"])])
    for value in (*small.graph.input, *small.graph.output):
        value.type.tensor_type.elem_type = 10

    with pytest.raises(ConversionRefused, match="input 'image' is float16, expected one of float32"):
        converted(small)
