"""Every operator of the table, emitted, saved, reloaded and executed, against ONNX Runtime.

Cases share one model, each with an output of its own, because building a package takes longer than running it.
"""

import numpy as np
import onnxruntime
import pytest

from conversion.coreml import executor
from conversion.coreml.emitter import emit
from conversion.coreml.fusion import fused
from conversion.coreml.operators import OPERATORS
from conversion.source.graph import read_graph

RNG = np.random.default_rng(3)


def real(*shape, scale=1.0):
    return RNG.normal(scale=scale, size=shape).astype(np.float32)


# Quarters, so that float16 holds them and rounding meets halves.
INPUTS = {
    "x": np.round(real(2, 3, 4, 6, scale=8)) / 4,
    "part": RNG.integers(-7, 8, (2, 3, 4, 6)).astype(np.float32) / 8,
    "row": np.round(real(6, scale=8)) / 4,
    "tokens": np.round(real(2, 5, 8, scale=8)) / 4,
    "vector": np.round(real(8, scale=8)) / 4,
    "i": RNG.integers(-5, 6, (2, 3, 4)).astype(np.int32),
    "wide": RNG.integers(-5, 6, (2, 3, 4)).astype(np.int64),
    "where_from": RNG.integers(0, 4, (2, 2)).astype(np.int64),
    "yes": RNG.integers(0, 2, (2, 3, 4, 6)).astype(bool),
    "one": RNG.integers(0, 2, (3, 1, 1)).astype(bool),
    "deep": np.round(real(1, 16, 3, 2, scale=8)) / 4,
}
CONSTANTS = {
    "half": np.float32(0.5),
    "slope": np.float32([0.25, -0.5, 2]).reshape(3, 1, 1),
    "slopes": np.round(real(4, 1, scale=8)) / 4,
    "dense": real(4, 3, 3, 2),
    "depthwise": real(6, 1, 3, 3),
    "transposed": real(3, 4, 3, 2),
    "grouped": real(3, 2, 3, 3),
    "bias": real(4),
    "w": real(8, 5),
    "offset": real(5),
    "stack": real(2, 8, 3),
    "gamma": real(8),
    "beta": real(8),
    "block": real(4, 6),
    "columns": np.int64([3, 0, -1]),
    "last": np.int64(-1),
    "odd": np.int64([1, 3, 5]),
    "places": np.int64([[0, 5], [2, 2]]),
    "two_one_three": np.int64([2, 1, 3]),
    "from_1": np.int64([1, -1]),
    "to_4": np.int64([4, -100]),
    "rows_columns": np.int64([2, 3]),
    "by_2_back": np.int64([2, -2]),
    "flat": np.int64([2, -1, 3]),
    "pads": np.int64([0, 1, 2, 0, 0, 0, 1, 3]),
    "image_pads": np.int64([2, 0, 1, 3]),
    "larger": np.int64([2, 1, 4, 6]),
    "thrice": np.int64([1, 2, 3, 1]),
    "three": np.int32(3),
    "axis_1": np.int64([1]),
    "windows": np.int64([2, 3, 2, 2, 3, 2]),
    "joined": np.int64([12, 3, 2, 2]),
    "low": np.float32(-1.75),
    "two": np.float32(2),
    "minus_two": np.int64(-2),
    "plus_two": np.int64(2),
    "tiny": np.float32(1 / 64),
    "line": real(3, 5, 3),
    "half_block": real(2, 3, 4, 1),
    "one_more": np.int64([1, 2, 5, 8]),
    "ten_by_eight": np.int64([8, 10]),
    "row_shape": np.int64([1, 1, 1, 6]),
}
PRELUDE = """
    first, second, third = Split<axis=3>(x, two_one_three)
    positive = Exp(part)
    nothing = Greater(x, half)
    six = Reshape(x, windows)
    turned = Transpose<perm=[0, 1, 2, 4, 3, 5]>(six)
    jitter = Mul(part, tiny)
    distinct = Add(x, jitter)
    wide_minus = Neg(wide)
    three_minus = Sub(three, i)
    x_rounded = Round(x)
    gate = Sigmoid(x)
    gate_of_part = Sigmoid(part)
    turned_x = Transpose<perm=[0, 1, 3, 2]>(x)
    by_w = MatMul(tokens, w)
    stacked = Reshape(tokens, one_more)
    stacked_by_w = MatMul(stacked, w)
    matrix = Reshape(tokens, ten_by_eight)
    one_row = Reshape(row, row_shape)
"""
"""Nodes that cases read."""
CASES = {
    **{name: f"{name}(x)" for name in ("Abs", "Ceil", "Cos", "Cosh", "Erf", "Floor", "Neg", "Round", "Sigmoid")},
    **{name: f"{name}(x)" for name in ("Relu", "Sign", "Sin", "Sinh", "Softplus", "Tanh", "HardSwish", "Softsign")},
    **{name: f"{name}(part)" for name in ("Acos", "Asin", "Atan", "Atanh", "Exp", "Tan")},
    **{name: f"{name}(positive)" for name in ("Log", "Reciprocal", "Sqrt")},
    **{name: f"{name}(x, row)" for name in ("Add", "Max", "Min", "Mul", "Sub", "Greater", "Less", "GreaterOrEqual")},
    **{name: f"{name}(yes, one)" for name in ("And", "Or", "Xor")},
    **{f"{name} of some": f"{name}<keepdims=0>(part, rows_columns)" for name in ("ReduceMax", "ReduceMin")},
    **{f"{name} kept": f"{name}(part)" for name in ("ReduceMean", "ReduceProd", "ReduceL1", "ReduceLogSumExp")},
    "ReduceSum": "ReduceSum<keepdims=0>(part, axis_1)",
    "a sum of whole numbers": "ReduceSum<keepdims=1>(i, axis_1)",
    "the greatest truth": "ReduceMax(yes, axis_1)",
    "ArgMax": "ArgMax<axis=1, keepdims=0>(distinct)",
    "ArgMin": "ArgMin<axis=-1>(distinct)",
    "Div": "Div(x, positive)",
    "Pow": "Pow(positive, part)",
    "a square": "Pow(x, two)",
    "a number first": "Sub(half, x)",
    "whole numbers": "Mul(i, three)",
    "whole numbers of 64 bits": "Max(wide, wide_minus)",
    "whole numbers clipped": "Clip(wide, minus_two, plus_two)",
    "Equal": "Equal(i, three_minus)",
    "equal truths": "Equal(yes, nothing)",
    "LessOrEqual": "LessOrEqual(x, x_rounded)",
    "Not": "Not(yes)",
    "Where": "Where(yes, x, row)",
    "where the condition is larger than its values": "Where(nothing, half, low)",
    "Clip": "Clip(x, low, half)",
    "Elu": "Elu<alpha=1.5>(x)",
    "LeakyRelu": "LeakyRelu<alpha=0.2>(x)",
    "PRelu by channel": "PRelu(x, slope)",
    "PRelu by row": "PRelu(x, slopes)",
    "PRelu of one slope": "PRelu(tokens, half)",
    "Gelu": "Gelu(x)",
    "Gelu by tanh": "Gelu<approximate='tanh'>(x)",
    "HardSigmoid": "HardSigmoid<alpha=0.3>(x)",
    "swish": "Mul(x, gate)",
    "swish from the other side": "Mul(gate_of_part, part)",
    "a gate for another": "Mul(gate, part)",
    "Softmax": "Softmax<axis=1>(x)",
    "LogSoftmax": "LogSoftmax<axis=2>(x)",
    "LayerNormalization": "LayerNormalization<axis=-1, epsilon=0.001>(tokens, gamma, beta)",
    "LayerNormalization over two axes, without offset": "LayerNormalization<axis=2>(x, block)",
    "Conv": "Conv<pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 2]>(x, dense, bias)",
    "Conv in groups": "Conv<group=3>(x, depthwise)",
    "Conv along a line": "Conv<pads=[1, 1]>(tokens, line)",
    "ConvTranspose": "ConvTranspose<strides=[2, 3], pads=[1, 0, 0, 1]>(x, transposed, bias)",
    "ConvTranspose dilated": "ConvTranspose<dilations=[2, 1], strides=[3, 1]>(x, transposed)",
    "ConvTranspose in groups": "ConvTranspose<group=3, strides=[2, 2], pads=[1, 1, 1, 1]>(x, grouped)",
    "output padding within padding":
        "ConvTranspose<strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]>(x, transposed, bias)",
    "output padding beyond padding":
        "ConvTranspose<strides=[3, 3], dilations=[2, 1], output_padding=[1, 2]>(x, transposed, bias)",
    "MaxPool": "MaxPool<kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 0, 1]>(x)",
    "MaxPool along a line": "MaxPool<kernel_shape=[3], strides=[2], ceil_mode=1>(tokens)",
    "AveragePool": "AveragePool<kernel_shape=[3, 3], pads=[1, 0, 1, 2]>(x)",
    "AveragePool counting what ceil_mode does not add":
        "AveragePool<kernel_shape=[3, 4], strides=[2, 3], pads=[1, 1, 0, 1], ceil_mode=1, count_include_pad=1>(x)",
    "MatMul": "MatMul(x, turned_x)",
    "MatMul with a known matrix": "MatMul(tokens, w)",
    "a known matrix and an offset": "Add(by_w, offset)",
    "a known matrix and an offset, of many axes": "Add(offset, stacked_by_w)",
    "a known stack of matrices": "MatMul(tokens, stack)",
    "a known matrix on the left": "MatMul(w, tokens)",
    "a vector by a matrix": "MatMul(vector, w)",
    "a matrix by a vector": "MatMul(tokens, vector)",
    "Gemm": "Gemm<alpha=0.5, beta=2.0, transA=1>(matrix, w, offset)",
    "Concat": "Concat<axis=-1>(third, half_block, first)",
    "the middle of a Split": "Neg(second)",
    "Slice": "Slice(x, from_1, to_4, rows_columns, by_2_back)",
    "Pad": "Pad(x, pads, half)",
    "Pad mirrored": "Pad<mode='reflect'>(x, image_pads, , rows_columns)",
    "Pad repeated": "Pad<mode='edge'>(x, image_pads, , rows_columns)",
    "Reshape": "Reshape(x, flat)",
    "Unsqueeze": "Unsqueeze(tokens, axis_1)",
    "Transpose": "Transpose<perm=[2, 0, 3, 1]>(x)",
    "a transpose of six axes": "Reshape(turned, joined)",
    "Expand": "Expand(one_row, larger)",
    "Tile": "Tile(x, thrice)",
    "Gather": "Gather<axis=3>(x, columns)",
    "Gather one": "Gather<axis=1>(x, last)",
    "Gather regular places": "Gather<axis=3>(x, odd)",
    "Gather a block of places": "Gather<axis=3>(x, places)",
    "Gather from computed places": "Gather<axis=2>(x, where_from)",
    "Gather truths": "Gather<axis=2>(yes, columns)",
    "Cast to whole numbers": "Cast<to=6>(x)",
    "Cast to truths": "Cast<to=9>(x)",
    "Cast from truths": "Cast<to=1>(yes)",
    "DepthToSpace": "DepthToSpace<blocksize=2>(deep)",
    "DepthToSpace by columns": "DepthToSpace<blocksize=2, mode='CRD'>(deep)",
    "SpaceToDepth": "SpaceToDepth<blocksize=2>(x)",
}  # fmt: skip
"""One node each."""


@pytest.fixture(scope="module")
def model(together):
    return together(CASES.values(), INPUTS, CONSTANTS, PRELUDE)


@pytest.fixture(scope="module")
def expected(model):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return dict(zip(CASES, session.run(None, INPUTS), strict=True))


@pytest.fixture(scope="module", params=["fp32", "fp16"])
def found(request, model, tmp_path_factory):
    path = tmp_path_factory.mktemp("operators") / "p.mlpackage"
    emit(read_graph(model), path, precision=request.param, metadata={}, image=False)
    results = executor.load(path).evaluate(INPUTS, rounding="fp32")
    return request.param, dict(zip(CASES, results.values(), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_an_operator_means_what_onnx_runtime_computes(case, found, expected):
    precision, results = found
    wanted = expected[case]

    assert results[case].shape == wanted.shape
    assert results[case].dtype == (np.float32 if wanted.dtype.kind == "f" else np.int32)
    # With fp16, constants are rounded, results are not: their type is under test, not their drift.
    tolerance = 1e-5 if precision == "fp32" else 5e-3
    np.testing.assert_allclose(results[case], wanted.astype(results[case].dtype), rtol=tolerance, atol=tolerance)


def test_every_operator_of_the_table_has_a_case(model):
    written = {node.operator for node in fused(read_graph(model)).nodes}

    assert OPERATORS.keys() - written == {"Identity", "Resize"}, "which emitter_test and resize_test see to"
