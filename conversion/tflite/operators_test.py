import operator as arithmetic

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from onnx.helper import make_node

from conversion.graph import read
from conversion.tflite.emitter import emit
from conversion.tflite.partitions import partitions
from training.student.errors import ConversionRefused

RNG = np.random.default_rng(0)
CHANNELS = 4
FEW = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)

pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
padding = st.one_of(
    st.builds(lambda pads: {"pads": pads}, st.lists(st.integers(0, 3), min_size=4, max_size=4)),
    st.builds(lambda kind: {"auto_pad": kind}, st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID"])),
)


def weights(*shape):
    return RNG.normal(size=shape)


def operators(converted):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=converted, experimental_op_resolver_type=kernels)
    return [node["op_name"] for node in interpreter._get_ops_details()]


def converted(model):
    return emit(read(model), metadata={})


@FEW
@given(
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    strides=pair,
    dilations=pair,
    padding=padding,
    group=st.sampled_from([1, 2, CHANNELS]),
    per_group=st.integers(1, 2),
    size=st.tuples(st.integers(13, 16), st.integers(13, 16)),
)
def test_a_convolution_is_onnx_runtime_s(model, drift, kernel, strides, dilations, padding, group, per_group, size):
    # ONNX Runtime itself refuses SAME with dilation.
    assume(dilations == (1, 1) or not padding.get("auto_pad", "").startswith("SAME"))
    conv = make_node(
        "Conv", ["image", "w", "b"], ["logits"], strides=strides, dilations=dilations, group=group, **padding
    )
    filters = group * per_group
    small = model([conv], (1, CHANNELS, *size), w=weights(filters, CHANNELS // group, *kernel), b=weights(filters))

    assert max(drift(small).values()) < 1e-5


@FEW
@given(
    operator=st.sampled_from(["MaxPool", "AveragePool"]),
    kernel=st.tuples(st.integers(2, 4), st.integers(2, 4)),
    strides=pair,
    padding=padding,
    ceil_mode=st.booleans(),
    count_include_pad=st.booleans(),
    is_rectified=st.booleans(),
)
def test_a_pool_is_onnx_runtime_s(
    model, drift, operator, kernel, strides, padding, ceil_mode, count_include_pad, is_rectified
):
    assume(max(padding.get("pads", [0])) < min(kernel))
    assume(not (ceil_mode and padding.get("auto_pad")))
    # ONNX Runtime refuses pools that leap over pixels under SAME.
    assume(not padding.get("auto_pad", "").startswith("SAME") or all(map(arithmetic.le, strides, kernel)))
    attributes = {**padding, "ceil_mode": int(ceil_mode)}
    if operator == "AveragePool":
        attributes["count_include_pad"] = int(count_include_pad)
    source = "rectified" if is_rectified else "image"
    small = model(
        [
            make_node("Relu", ["image"], ["rectified"]),
            make_node(operator, [source], ["logits"], kernel_shape=kernel, strides=strides, **attributes),
        ],
        opset=19,
    )

    try:
        found = drift(small)
    except ConversionRefused:
        assert ceil_mode
        reject()
    assert max(found.values()) < 1e-5


side = st.integers(1, 40)
resampling = st.one_of(
    st.just({"mode": "linear"}),
    st.builds(
        lambda rounding: {"mode": "nearest", "nearest_mode": rounding},
        st.sampled_from(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]),
    ),
)
coordinates = st.sampled_from(["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"])


@FEW
@given(size=st.tuples(side, side), factor=st.integers(1, 4), resampling=resampling, coordinates=coordinates)
def test_a_resize_by_a_whole_factor_is_onnx_runtime_s_or_refused(model, drift, size, factor, resampling, coordinates):
    agrees_or_is_refused(model, drift, size, tuple(factor * length for length in size), resampling, coordinates)


@FEW
@given(size=st.tuples(side, side), resized=st.tuples(side, side), resampling=resampling, coordinates=coordinates)
def test_a_resize_is_onnx_runtime_s_or_refused(model, drift, size, resized, resampling, coordinates):
    agrees_or_is_refused(model, drift, size, resized, resampling, coordinates)


def agrees_or_is_refused(model, drift, size, resized, resampling, coordinates):
    attributes = {**resampling, "coordinate_transformation_mode": coordinates}
    small = model(
        [make_node("Resize", ["image", "", "", "sizes"], ["logits"], **attributes)],
        (1, 2, *size),
        sizes=[1, 2, *resized],
    )

    try:
        found = drift(small)
    except ConversionRefused:
        reject()
    assert max(found.values()) < 1e-4


LINE = [0.5, -1.5, 2.0, 0.25]
CHANNEL = np.reshape(LINE, (1, CHANNELS, 1, 1))
UPSAMPLED = {"roi": [0.0] * 0, "scales": [1.0, 1.0, 2.0, 2.0]}


def one(operator, *inputs, shape=(1, CHANNELS, 9, 11), opset=18, attributes=None, **constants):
    """One node and what surrounds it, as keywords of the `model` fixture."""
    node = make_node(operator, ["image", *inputs], ["logits"], **(attributes or {}))
    return {"nodes": [node], "shape": shape, "opset": opset, **constants}


def resized(*, size=(9, 11), opset=18, sizes=None, scales=None, **attributes):
    inputs, constants = ["", "scales"], {"scales": [1.0, 1.0, *(scales or (2.0, 2.0))]}
    if sizes:
        inputs, constants = ["", "", "sizes"], {"sizes": [1, CHANNELS, *sizes]}
    if opset < 11:
        inputs = ["scales"]
    return one("Resize", *inputs, shape=(1, CHANNELS, *size), opset=opset, attributes=attributes, **constants)


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
    "add-per-channel": one("Add", "line", line=CHANNEL),
    "sub-per-channel-of-rank-3": one("Sub", "line", line=CHANNEL[0]),
    "mul-per-column": one("Mul", "line", shape=(1, 2, 9, 4), line=LINE),
    "mul-scalar": one("Mul", "line", line=0.3),
    "div-per-channel": one("Div", "line", line=CHANNEL),
    "add-itself": one("Add", "image"),
    "concat-channels": one("Concat", "image", attributes={"axis": 1}),
    "concat-rows": one("Concat", "image", attributes={"axis": -2}),
    "concat-a-constant": one("Concat", "extra", attributes={"axis": 1}, extra=weights(1, 2, 9, 11)),
    "global-average": one("GlobalAveragePool"),
    "mean-of-image": one("ReduceMean", "axes", axes=[2, 3]),
    "mean-of-image-by-attribute": one("ReduceMean", opset=13, attributes={"axes": [-1, -2]}),
    "mean-without-keepdims": one("ReduceMean", "axes", attributes={"keepdims": 0}, axes=[2, 3]),
    "mean-of-channels": one("ReduceMean", "axes", axes=[1]),
    "normalised": one(
        "BatchNormalization", "s", "o", "m", "v", s=LINE, o=LINE[::-1], m=LINE, v=np.square(LINE), attributes={}
    ),
    "softmax-of-channels": one("Softmax", attributes={"axis": 1}),
    "softmax-of-last": one("Softmax", shape=(3, 7)),
    "padded": one("Pad", "pads", pads=[0, 1, 2, 3, 0, 0, 1, 4]),
    "padded-with-a-number": one("Pad", "pads", "fill", pads=[0, 0, 2, 3, 0, 0, 1, 4], fill=2.5),
    "padded-along-an-axis": one("Pad", "pads", "", "axes", pads=[2, 1], axes=[-1]),
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


REFUSED = {
    "nothing-known": (one("Erf"), "Erf", "known are Add"),
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
    "uneven-scale": (resized(scales=(1.3, 1.3), **LINEAR), "scale 1.3 of 9", "use sizes instead"),
    "antialias": (resized(sizes=(4, 5), antialias=1, **LINEAR), "antialias 1", "AveragePool"),
    "channels-resized": (
        one("Resize", "", "scales", attributes=LINEAR, scales=[1.0, 2.0, 1.0, 1.0]),
        "(1, 4, 9, 11) to (1, 8, 9, 11)",
        "rows and columns",
    ),
    "reflected": (one("Pad", "pads", attributes={"mode": "reflect"}, pads=[0, 0, 1, 1] * 2), "reflect", "use constant"),
    "cropped-by-padding": (one("Pad", "pads", pads=[0, 0, -1, 0] * 2), "[0, 0, -1", "crop with Slice"),
    "softmax-of-rows": (one("Softmax", attributes={"axis": 2}), "axis 2", "use axis 1"),
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
    "transposing-mean": (
        one("ReduceMean", "axes", attributes={"keepdims": 0}, axes=[2]),
        "keepdims 0",
        "use keepdims 1",
    ),
}


@pytest.mark.parametrize(("case", "found", "instead"), REFUSED.values(), ids=REFUSED)
def test_what_tflite_cannot_express_is_refused_with_a_way_out(model, case, found, instead):
    with pytest.raises(ConversionRefused) as refusal:
        converted(model(**case))

    assert case["nodes"][-1].op_type in str(refusal.value)
    assert found in str(refusal.value)
    assert instead in str(refusal.value)


def test_a_refusal_names_every_operator_that_is_missing(model):
    small = model([make_node("Erf", ["image"], ["a"], name="gelu"), make_node("Tan", ["a"], ["logits"])])

    with pytest.raises(ConversionRefused, match="Erf 'gelu', Tan"):
        converted(small)


def test_an_input_of_another_type_is_refused(model):
    small = model([make_node("Relu", ["image"], ["logits"])])
    for value in (*small.graph.input, *small.graph.output):
        value.type.tensor_type.elem_type = 10

    with pytest.raises(ConversionRefused, match="input 'image' is float16, expected float32"):
        converted(small)


POOL = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}


def test_a_padded_maximum_after_relu_stays_in_one_partition(model):
    relu, pool = make_node("Relu", ["image"], ["a"]), make_node("MaxPool", ["b"], ["logits"], **POOL)
    join = make_node("Concat", ["a", "a"], ["b"], axis=1)

    after_relu = converted(model([relu, join, pool], (1, 4, 8, 8)))
    after_sum = converted(model([make_node("Add", ["image", "image"], ["b"]), pool], (1, 4, 8, 8)))

    assert partitions(after_relu).is_whole
    assert "PADV2" in partitions(after_sum).outside


@pytest.mark.parametrize(
    ("size", "pads", "expected"),
    [
        (8, [0, 0, 1, 1], ["CONV_2D"]),
        (8, [0, 0, 0, 0], ["CONV_2D"]),
        (9, [1, 1, 1, 1], ["CONV_2D"]),
        (8, [1, 1, 1, 1], ["PAD", "CONV_2D"]),
    ],
)
def test_padding_is_written_out_only_where_tflite_has_no_word_for_it(model, size, pads, expected):
    conv = make_node("Conv", ["image", "w"], ["logits"], strides=[2, 2], pads=pads)

    assert operators(converted(model([conv], (1, 4, size, size), w=weights(5, 4, 3, 3)))) == expected


def test_every_arithmetic_operator_stays_in_one_partition(model):
    names = ["relu", "clip", "hard-sigmoid", "hard-swish", "sigmoid", "div-per-channel", "normalised", "padded"]

    assert all(partitions(converted(model(**ACCEPTED[name]))).is_whole for name in names)
