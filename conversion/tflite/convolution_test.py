import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from onnx.helper import make_node

from conversion.source.graph import read_graph
from conversion.tflite.emitter import emit

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
    return emit(read_graph(model), metadata={})


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
