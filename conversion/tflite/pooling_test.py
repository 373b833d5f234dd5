import operator as arithmetic

from hypothesis import assume, given, reject
from hypothesis import strategies as st
from onnx.helper import make_node

from conversion.tflite.convolution_test import FEW, converted, padding, pair
from conversion.tflite.partitions import partitions
from training.student.errors import ConversionRefused


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


POOL = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}


def test_a_padded_maximum_after_relu_stays_in_one_partition(model):
    relu, pool = make_node("Relu", ["image"], ["a"]), make_node("MaxPool", ["b"], ["logits"], **POOL)
    join = make_node("Concat", ["a", "a"], ["b"], axis=1)

    after_relu = converted(model([relu, join, pool], (1, 4, 8, 8)))
    after_sum = converted(model([make_node("Add", ["image", "image"], ["b"]), pool], (1, 4, 8, 8)))

    assert partitions(after_relu).is_whole
    assert "PADV2" in partitions(after_sum).outside
