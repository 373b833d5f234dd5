import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from conversion.conformance.case_results import describe_difference
from conversion.conformance.cases import SUFFIX, read_cases
from conversion.source.as_onnx import as_onnx
from conversion.source.canonical.operators import CANONICAL
from conversion.source.graph import read_graph
from training.student.errors import ConversionRefused

RNG = np.random.default_rng(0)

SLOW = {"AveragePool", "MaxPool", "Range"}
"""What ONNX expects of the pools takes it seconds to compute, and to find its tests of Range it makes all others."""
COMPUTED = {"ConstantOfShape"}
"""Its tests compute the shape that each network fixes."""
REFUSED = [
    *("BFLOAT16", "FLOAT8", "FLOAT4", "INT4", "INT2", "bfloat16", "sequence", "_opt", "training"),
    *("empty_set", "zero_size", "reordered", "out_of_bounds"),
    *("tf_crop", "align_corners", "not_smaller", "crd"),
]
"""Words in the names of examples of other types, without elements, or that ONNX and its runtimes read differently."""


@pytest.mark.parametrize("operator", sorted(CANONICAL.keys() - SLOW - COMPUTED))
def test_onnx_s_own_examples_keep_their_results(operator):
    judged = 0
    for case in read_cases([operator]):
        if case.name.endswith(SUFFIX):
            continue
        try:
            graph = read_graph(case.model)
        except ConversionRefused:
            assert any(word in case.name for word in REFUSED), case.name
            continue
        with np.errstate(all="ignore"):
            found = ReferenceEvaluator(as_onnx(graph)).run(None, dict(case.inputs))
        found = dict(zip(graph.outputs, found, strict=True))
        assert not describe_difference(expected=case.outputs, actual=found, rtol=case.rtol, atol=case.atol), case.name
        judged += 1
    assert judged


def weights(*shape):
    values = ", ".join(f"{value:.4f}" for value in RNG.normal(size=int(np.prod(shape))))
    return f"float[{','.join(map(str, shape))}] {{{values}}}"


LINE, CHANNELS = weights(4), weights(1, 4, 1, 1)
W = {"w": weights(4, 4, 3, 3)}
OLDER_FORMS = {
    "clip by attributes": (7, "y = Clip <min = -0.5, max = 0.25> (x)", {}, "Clip"),
    "clip by crossing bounds": (13, "y = Clip (x, a, b)", {"a": "float {1}", "b": "float {-1}"}, "Clip"),
    "clip by computed bounds": (13, "m = ReduceMean <keepdims=0> (x) y = Clip (x, m)", {}, "ReduceMean Max"),
    "clip to positive": (13, "y = Clip (x, a)", {"a": "float {0}"}, "Relu"),
    "clip nowhere": (13, "z = Relu (x) y = Clip (z)", {}, "Relu"),
    "softmax of all behind": (11, "y = Softmax (x)", {}, "Reshape Softmax Reshape"),
    "log softmax of the last": (9, "y = LogSoftmax <axis = 3> (x)", {}, "LogSoftmax"),
    "slice by attributes": (9, "y = Slice <starts=[1,-3], ends=[9999,-1], axes=[2,3]> (x)", {}, "Slice"),
    "slice backwards": (
        13,
        "y = Slice (x, s, e, a, t)",
        {"s": "int64[1] {-1}", "e": "int64[1] {-9223372036854775808}", "a": "int64[1] {3}", "t": "int64[1] {-2}"},
        "Slice",
    ),
    "slice nothing off": (9, "z = Slice <starts=[0], ends=[99], axes=[1]> (x) y = Neg (z)", {}, "Neg"),
    "pad by attributes": (10, "y = Pad <pads=[0,0,1,2,0,0,3,4], value=1.5> (x)", {}, "Pad"),
    "pad reflected": (10, 'y = Pad <pads=[0,0,1,2,0,0,3,4], mode="reflect"> (x)', {}, "Pad"),
    "split in halves": (9, "a, b = Split <axis = 1> (x) y = Sub (a, b)", {}, "Split Sub"),
    "split unevenly": (11, "a, b = Split <axis = -1, split=[3,5]> (x) y = ReduceSum (b)", {}, "Split ReduceSum"),
    "squeeze and unsqueeze": (11, "z = Squeeze <axes=[0]> (x) y = Unsqueeze <axes=[0,4]> (z)", {}, "Reshape"),
    "flatten": (9, "y = Flatten <axis = 2> (x)", {}, "Reshape"),
    "reduce by attributes": (11, "y = ReduceMax <axes=[-1, 1], keepdims = 0> (x)", {}, "ReduceMax"),
    "reduce everything": (13, "y = ReduceSum (x)", {}, "ReduceSum"),
    "reduce axes of length 1": (11, "y = ReduceMean <axes=[0], keepdims = 0> (x)", {}, "Reshape"),
    "reduce nothing": (13, "a = ReduceSum <noop_with_empty_axes=1> (x) y = Relu (a)", {}, "Relu"),
    "upsample by attributes": (7, 'y = Upsample <mode = "nearest", scales = [1., 1., 2., 3.]> (x)', {}, "Resize"),
    "upsample linearly": (9, 'y = Upsample <mode = "linear"> (x, s)', {"s": "float[4] {1, 1, 2, 2}"}, "Resize"),
    "resize of opset 10": (10, 'y = Resize <mode = "linear"> (x, s)', {"s": "float[4] {1, 1, 2, 1.5}"}, "Resize"),
    "resize of opset 10 halving": (10, "y = Resize (x, s)", {"s": "float[4] {1, 1, 0.5, 2}"}, "Resize"),
    "sums of many": (8, "y = Sum (x, x, x)", {}, "Add Add"),
    "mean of many": (8, "a = Neg (x) y = Mean (x, x, a)", {}, "Neg Add Add Mul"),
    "extremes of many": (8, "a = Neg (x) b = Exp (x) y = Max (x, a, b)", {}, "Neg Exp Max Max"),
    "power of another type": (12, "y = Pow (x, e)", {"e": "int64 {2}"}, "Pow"),
    "gemm": (
        11,
        "a = Flatten <axis = 2> (x) y = Gemm <alpha = 0.5, beta = 2., transA = 1, transB = 1> (a, b, c)",
        {"b": weights(3, 4), "c": weights(3)},
        "Reshape Transpose MatMul Add",
    ),
    "gemm of computed matrices": (
        13,
        "a = Flatten <axis = 2> (x) y = Gemm <alpha = 0.5, transB = 1> (a, a)",
        {},
        "Reshape Transpose MatMul Mul",
    ),
    "global maximum": (7, "y = GlobalMaxPool (x)", {}, "ReduceMax"),
    "average of the image": (13, "y = GlobalAveragePool (x)", {}, "ReduceMean"),
    "pool with pads of SAME": (
        10,
        'y = AveragePool <kernel_shape = [3,2], strides = [2,3], auto_pad = "SAME_LOWER"> (x)',
        {},
        "AveragePool",
    ),
    "pool of ceil": (10, "y = MaxPool <kernel_shape = [3,2], strides = [2,3], ceil_mode = 1> (x)", {}, "MaxPool"),
    "conv of SAME": (11, 'y = Conv <strides = [2,3], auto_pad = "SAME_LOWER"> (x, w)', W, "Conv"),
    "conv of VALID": (11, 'y = Conv <auto_pad = "VALID"> (x, w)', W, "Conv"),
    "transposed conv": (11, "y = ConvTranspose <strides = [2,2], output_padding = [1,1]> (x, w)", W, "ConvTranspose"),
    "transposed conv to a shape": (
        11,
        "y = ConvTranspose <strides = [2,2], output_shape = [12,15]> (x, w)",
        W,
        "ConvTranspose",
    ),
    "transposed conv of SAME": (
        11,
        'y = ConvTranspose <strides = [3,2], auto_pad = "SAME_UPPER"> (x, w)',
        W,
        "ConvTranspose",
    ),
    "normalised": (
        7,
        "y = BatchNormalization (x, s, b, m, v)",
        {"s": LINE, "b": LINE, "m": LINE, "v": "float[4] {1, 2, 0.5, 3}"},
        "Mul Add",
    ),
    "normalised by groups": (
        18,
        "y = GroupNormalization <num_groups = 2> (x, s, b)",
        {"s": weights(2), "b": weights(2)},
        "Reshape ReduceMean Sub Mul ReduceMean Add Sqrt Div Reshape Mul Add",
    ),
    "slopes of channels": (9, "y = PRelu (x, s)", {"s": weights(4, 1, 1)}, "PRelu"),
    "dropped nothing": (10, "a, m = Dropout (x) y = Relu (a)", {}, "Relu"),
    "filled by shape": (
        13,
        "s = Shape (x) f = ConstantOfShape <value = float[1] {2}> (s) y = Mul (x, f)",
        {},
        "Mul",
    ),
    "counted": (
        13,
        "r = Range (a, b, c) f = Cast <to = 1> (r) y = Mul (x, f)",
        {"a": "int64 {7}", "b": "int64 {-9}", "c": "int64 {-2}"},
        "Mul",
    ),
    "shape arithmetic": (
        11,
        "s = Shape (x) n = Gather (s, i) m = Mul (n, t) u = Unsqueeze <axes=[0]> (m) v = Concat <axis=0> (u, r) "
        "h = Div (v, o) y = Reshape (x, h)",
        {"i": "int64 {3}", "t": "int64 {6}", "r": "int64[2] {-3, 12}", "o": "int64[1] {3}"},
        "Reshape",
    ),
    "cast to itself": (13, "a = Cast <to = 1> (x) y = Neg (a)", {}, "Neg"),
    "cast like": (15, "a = CastLike (x, i) b = CastLike (a, x) y = Neg (b)", {"i": "int64 {1}"}, "Cast Cast Neg"),
    "transposed twice": (13, "a = Transpose <perm=[0,2,3,1]> (x) y = Transpose <perm=[0,3,1,2]> (a)", {}, "Identity"),
    "transposed by default": (13, "y = Transpose (x)", {}, "Transpose"),
    "expanded to itself": (13, "a = Expand (x, s) y = Neg (a)", {"s": "int64[2] {6, 8}"}, "Neg"),
    "tiled": (13, "y = Tile (x, r)", {"r": "int64[4] {1, 2, 1, 3}"}, "Tile"),
    "gathered from the end": (11, "y = Gather <axis = -1> (x, i)", {"i": "int64[2] {-1, 3}"}, "Gather"),
    "concatenated with itself alone": (11, "a = Concat <axis = 1> (x) y = Neg (a)", {}, "Neg"),
    "silu": (13, "a = Sigmoid (x) y = Mul (x, a)", {}, "Sigmoid Mul"),
}


@pytest.mark.parametrize(("opset", "nodes", "constants", "operators"), OLDER_FORMS.values(), ids=OLDER_FORMS)
def test_older_forms_keep_their_results(model, read_alike, opset, nodes, constants, operators):
    graph = read_alike(model(nodes, opset, constants=constants))

    assert [node.operator for node in graph.nodes] == operators.split()


REFUSALS = {
    "training": (
        14,
        "y, m, v = BatchNormalization <training_mode = 1> (x, s, s, s, s)",
        {"s": LINE},
        "training_mode 1; export the model in evaluation mode",
    ),
    "computed scales": (13, "a = ReduceMean (x) y = Resize (x, , a)", {}, "unknown shape"),
    "a nearest pixel of opset 10": (10, "y = Resize (x, s)", {"s": "float[4] {1, 1, 0.6, 1}"}, "0.6 of 6; export with"),
    "an index too many": (13, "y = Gather <axis = 1> (x, i)", {"i": "int64[1] {4}"}, "index 4 to 4 of 4"),
    "no elements": (9, "y = Slice <starts=[3], ends=[3], axes=[3]> (x)", {}, r"of shape \(1, 4, 6, 0\); expected 1 to"),
    "channels that do not fit": (
        13,
        "y = BatchNormalization (x, s, s, s, s)",
        {"s": "float[8] {1,1,1,1,1,1,1,1}"},
        "BatchNormalization 'y' contradicts",
    ),
    "no groups": (21, "y = GroupNormalization <num_groups = 0> (x, s, s)", {"s": LINE}, "contradicts itself"),
    "axes lost in a transpose": (13, "y = Transpose <perm = [0]> (x)", {}, "contradicts itself: perm"),
    "a constant of a terabyte": (
        13,
        "f = ConstantOfShape (s) r = ReduceSum (f) y = Mul (x, r)",
        {"s": "int64[3] {65536, 4096, 1024}"},
        "makes a constant of 274877906944 elements",
    ),
    "a tensor of gigabytes": (13, "y = Tile (x, r)", {"r": "int64[4] {65536, 65536, 1, 1}"}, "expected 1 to 134217728"),
    "gigabytes of padding": (
        11,
        "y = Conv <pads = [0, 0, 2000000000, 0], strides = [1000000000, 1]> (x, w)",
        W,
        "Conv 'y': an image padded to .2000000006, 8.; pad it less",
    ),
    "division by zero": (
        13,
        "a = Div (i, z) y = Reshape (x, a)",
        {"i": "int64[1] {3}", "z": "int64[1] {0}"},
        "by zero",
    ),
    "texts": (13, 'a = Constant <value_string = "a"> () y = Neg (x)', {}, "is STRING; expected a tensor of numbers"),
}


@pytest.mark.parametrize(("opset", "nodes", "constants", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_has_no_meaning_or_no_bounds_is_refused_by_name(model, opset, nodes, constants, message):
    with pytest.raises(ConversionRefused, match=message) as refusal:
        read_graph(model(nodes, opset, constants=constants))

    assert "\n" not in str(refusal.value)
