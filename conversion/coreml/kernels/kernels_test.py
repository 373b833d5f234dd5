import copy

import numpy as np
import pytest
import torch

from conversion.coreml.kernels import KERNELS
from conversion.coreml.toolbox import load_coremltools
from training.student.errors import ConversionRefused

RNG = np.random.default_rng(0)
X = RNG.normal(scale=4, size=(1, 3, 5, 4)).astype(np.float32)
Y = (RNG.normal(size=(3, 5, 4)) + 3).astype(np.float32)
ALPHA, BETA = np.float32(0.3), np.float32(0.6)

WHOLE = np.int32([[3, -4, 7], [-2, 5, 1]])
OTHER = np.int32([[2, 3, -5], [3, -2, 4]])
TRUE = RNG.integers(0, 2, X.shape).astype(bool)
SLOPES = np.float32([0.3, -0.2, 1.5])
MATRIX, BIAS = RNG.normal(size=(6, 4)).astype(np.float32), RNG.normal(size=6).astype(np.float32)
POSITIVE = np.abs(X) + ALPHA
AXES = {"axes": [-1, 1], "keep_dims": False}

# Operators that coremltools can compute on its own, when it folds constants.
FOLDED = [
    *((name, {"x": X}) for name in ("abs", "atan", "ceil", "cos", "cosh", "erf", "exp", "exp2", "floor", "identity")),
    *((name, {"x": X}) for name in ("relu", "relu6", "round", "sigmoid", "sign", "sin", "sinh", "softplus")),
    *((name, {"x": X}) for name in ("softsign", "square", "tan", "tanh")),
    *((name, {"x": X / 20}) for name in ("acos", "asin", "atanh")),
    *((name, {"x": POSITIVE}) for name in ("sqrt", "log", "rsqrt", "inverse")),
    *((name, {"x": POSITIVE, "epsilon": BETA}) for name in ("log", "rsqrt", "inverse")),
    *((name, {"x": X, "y": Y}) for name in ("add", "floor_div", "maximum", "minimum", "mod", "mul", "real_div", "sub")),
    *((name, {"x": WHOLE, "y": OTHER}) for name in ("add", "floor_div", "maximum", "minimum", "mod", "mul", "sub")),
    *((name, {"x": WHOLE, "y": WHOLE[::-1].copy()}) for name in ("equal", "not_equal", "less", "greater_equal")),
    *((name, {"x": X, "y": X[:, :, ::-1].copy()}) for name in ("greater", "less_equal")),
    *((name, {"x": TRUE, "y": TRUE[::, ::-1].copy()}) for name in ("logical_and", "logical_or", "logical_xor")),
    *((f"reduce_{name}", {"x": X, **AXES}) for name in ("max", "mean", "min", "prod", "sum", "l1_norm", "l2_norm")),
    *((f"reduce_{name}", {"x": POSITIVE, **AXES}) for name in ("log_sum", "log_sum_exp", "sum_square")),
    *((f"reduce_{name}", {"x": WHOLE, "axes": [1], "keep_dims": True}) for name in ("max", "prod", "sum")),
    *((f"reduce_arg{name}", {"x": X, "axis": 2, "keep_dims": True}) for name in ("max", "min")),
    *((f"reduce_arg{name}", {"x": X}) for name in ("max", "min")),
    *(("cast", {"x": X, "dtype": dtype}) for dtype in ("int32", "bool", "fp32")),
    *(("gelu", {"x": X, "mode": mode}) for mode in ("EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION")),
    *((name, {"x": X, "alpha": ALPHA}) for name in ("elu", "leaky_relu", "threshold", "thresholded_relu")),
    *((name, {"x": X, "alpha": ALPHA, "beta": BETA}) for name in ("clamped_relu", "linear_activation", "scaled_tanh")),
    *((name, {"x": X, "alpha": -ALPHA, "beta": BETA}) for name in ("clip", "sigmoid_hard")),
    ("sign", {"x": np.float32([-np.inf, -1e-45, -0.0, 0.0, 1e-45, np.inf, np.nan])}),
    ("band_part", {"x": X, "lower": 1, "upper": 2}),
    ("band_part", {"x": X, "lower": -1, "upper": 0}),
    ("concat", {"values": [X, X + 1], "axis": -1}),
    ("cumsum", {"x": X, "axis": 2}),
    ("cumsum", {"x": X, "axis": 1, "reverse": True}),
    ("einsum", {"values": [X, Y.transpose(2, 1, 0)[None].copy()], "equation": "nchw,nwhu->nchu"}),
    ("expand_dims", {"x": X, "axes": [0, -1]}),
    ("fill", {"shape": [2, 3], "value": BETA}),
    ("flatten2d", {"x": X, "axis": 2}),
    ("gather", {"x": X, "indices": np.int32([[1, -1], [0, 2]]), "axis": -2}),
    ("gather_along_axis", {"x": WHOLE, "indices": np.int32([[0, 1, 1]]), "axis": 0}),
    ("l2_norm", {"x": X, "epsilon": BETA}),
    ("layer_norm", {"x": X, "axes": [1, -1], "gamma": MATRIX[:3], "beta": MATRIX[3:], "epsilon": BETA}),
    ("layer_norm", {"x": X, "axes": [2]}),
    ("linear", {"x": X[0], "weight": MATRIX, "bias": BIAS}),
    ("logical_not", {"x": TRUE}),
    ("matmul", {"x": X, "y": X, "transpose_x": True}),
    ("matmul", {"x": X, "y": MATRIX, "transpose_y": True}),
    ("pad", {"x": X, "pad": [0, 0, 1, 0, 2, 1, 0, 3], "constant_val": np.float32(7), "mode": "constant"}),
    ("pad", {"x": X, "pad": [2, 1, 0, 3], "mode": "reflect", "constant_val": np.float32(0)}),
    ("pad", {"x": X, "pad": [2, 1, 0, 3], "mode": "replicate", "constant_val": np.float32(0)}),
    ("pow", {"x": POSITIVE, "y": Y}),
    ("prelu", {"x": X, "alpha": SLOPES}),
    ("reshape", {"x": X, "shape": [0, 5, -1, 2]}),
    ("reverse", {"x": X, "axes": [1, -1]}),
    ("select", {"cond": TRUE, "a": X, "b": Y}),
    ("shape", {"x": X}),
    ("slice_by_index", {"x": X, "begin": [0, 1, -2, 3], "end": [1, 3, 5, 0], "stride": [1, 1, 1, -2]}),
    ("slice_by_index",
        {
            "x": X, "begin": [0, 2, 1, 1], "end": [0, 0, 3, 0], "stride": [1, 1, 2, 1],
            "begin_mask": [False, False, True, False], "end_mask": [True, False, False, True],
            "squeeze_mask": [False, True, False, False],
        }),
    ("slice_by_size", {"x": X, "begin": [0, 1, -3, 0], "size": [1, 2, 2, -1]}),
    ("softmax", {"x": X, "axis": 1}),
    ("softplus_parametric", {"x": X, "alpha": SLOPES, "beta": SLOPES}),
    ("split", {"x": X, "axis": 2, "split_sizes": [2, 0, 3]}),
    ("split", {"x": X, "axis": -1, "num_splits": 2}),
    ("squeeze", {"x": X[:, :, :1], "axes": [0, -2]}),
    ("squeeze", {"x": X[:, :1]}),
    ("stack", {"values": [X, X + 1], "axis": 2}),
    ("tile", {"x": X, "reps": [2, 1, 1, 3]}),
    ("transpose", {"x": X, "perm": [2, 0, -1, 1]}),
]  # fmt: skip
DATA = ("x", "y", "a", "b", "cond", "values", "indices")


def as_argument(value, is_data=False):
    if isinstance(value, list):
        return [as_argument(item, is_data) for item in value]
    is_tensor = is_data or isinstance(value, np.ndarray | np.floating)
    return torch.from_numpy(np.array(value)) if is_tensor else value


def computed(operator, arguments):
    """By our kernel."""
    return KERNELS[operator](**{name: as_argument(value, name in DATA) for name, value in arguments.items()})


@pytest.mark.parametrize(("operator", "arguments"), FOLDED, ids=[f"{name}-{i}" for i, (name, _) in enumerate(FOLDED)])
def test_a_kernel_computes_what_coremltools_folds(operator, arguments):
    mil = load_coremltools().converters.mil
    # Some of its folding writes into what it is given.
    with mil.Function({}):
        folded = getattr(mil.Builder, operator)(**copy.deepcopy(arguments))

    found = computed(operator, arguments)

    pairs = zip(found, folded, strict=True) if isinstance(folded, tuple | list) else [(found, folded)]
    for one, other in pairs:
        assert tuple(one.shape) == tuple(other.shape)
        assert one.numpy().dtype == np.asarray(other.val).dtype
        np.testing.assert_allclose(one.numpy(), other.val, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("pad_type", "before", "after"),
    [("same", 0, 1), ("same_lower", 1, 0), ("valid", 0, 0)],
    ids=str,
)
def test_same_puts_the_odd_sample_where_its_name_says(pad_type, before, after):
    image, weight = torch.from_numpy(X[..., :4, :]), torch.from_numpy(RNG.normal(size=(2, 3, 3, 3)).astype(np.float32))
    window = {"strides": [2, 2], "dilations": [1, 1], "groups": 1, "weight": weight}

    found = KERNELS["conv"](image, pad_type=pad_type, pad=[9, 9, 9, 9], **window)

    expected = KERNELS["conv"](image, pad_type="custom", pad=[before, after] * 2, **window)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("length", [5, 6, 7, 8])
def test_a_pool_with_ceil_mode_gives_as_many_windows_as_mil_infers(length):
    image = RNG.normal(size=(1, 2, length, length)).astype(np.float32)
    window = {"kernel_sizes": [3, 2], "strides": [2, 2], "pad_type": "custom", "pad": [1, 1, 0, 0], "ceil_mode": True}
    mil = load_coremltools().converters.mil
    with mil.Function({}):
        inferred = mil.Builder.max_pool(x=image, **window).shape

    found = KERNELS["max_pool"](torch.from_numpy(image), **window)

    assert tuple(found.shape) == tuple(inferred)
    torch.testing.assert_close(
        found, torch.nn.functional.max_pool2d(torch.from_numpy(image), (3, 2), 2, (1, 0), ceil_mode=True)
    )


def test_what_mil_leaves_open_is_refused():
    image = torch.from_numpy(X)
    window = {"kernel_sizes": [2, 2], "strides": [2, 2], "pad_type": "valid", "pad": [0] * 4, "ceil_mode": True}

    with pytest.raises(ConversionRefused, match="leaves open what it divides by"):
        KERNELS["avg_pool"](image, exclude_padding_from_average=True, **window)
    with pytest.raises(ConversionRefused, match=r"by 1\.5: MIL leaves open"):
        KERNELS["upsample_nearest_neighbor"](image, 1.5, 2)
    with pytest.raises(ConversionRefused, match="'diagonal' is unknown; MIL has valid"):
        KERNELS["max_pool"](image, **{**window, "pad_type": "diagonal"})


@pytest.mark.parametrize("align_corners", [True, False])
def test_upsampling_by_factors_is_resizing_to_their_size(align_corners):
    image = torch.from_numpy(X)

    found = KERNELS["upsample_bilinear"](image, 3, 2, align_corners=align_corners)

    mode = "STRICT_ALIGN_CORNERS" if align_corners else "UNALIGN_CORNERS"
    torch.testing.assert_close(found, KERNELS["resize_bilinear"](image, 15, 8, mode))


def test_batch_normalisation_follows_its_formula():
    mean, variance, gamma, beta = (np.abs(RNG.normal(size=3)).astype(np.float32) for _ in range(4))

    found = KERNELS["batch_norm"](*map(torch.from_numpy, (X, mean, variance, gamma, beta)), epsilon=np.float32(0.1))

    column = (3, 1, 1)
    expected = (X - mean.reshape(column)) / np.sqrt(variance.reshape(column) + 0.1)
    np.testing.assert_allclose(found, gamma.reshape(column) * expected + beta.reshape(column), rtol=1e-5, atol=1e-5)


def test_instance_normalisation_treats_each_channel_by_itself():
    found = KERNELS["instance_norm"](
        torch.from_numpy(X), torch.from_numpy(SLOPES), torch.from_numpy(SLOPES + 1), epsilon=torch.tensor(0.1)
    )

    axes, column = (2, 3), (3, 1, 1)
    standardised = (X - X.mean(axes, keepdims=True)) / np.sqrt(X.var(axes, keepdims=True) + 0.1)
    expected = SLOPES.reshape(column) * standardised + (SLOPES + 1).reshape(column)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_silu_is_x_by_its_sigmoid():
    np.testing.assert_allclose(KERNELS["silu"](torch.from_numpy(X)), X / (1 + np.exp(-X)), rtol=1e-5, atol=1e-6)


def test_interleaved_tensors_take_turns():
    """The example of coremltools' documentation."""
    first, second = torch.tensor([[1, 2], [3, 4], [5, 6]]), torch.tensor([[7, 8], [9, 10], [11, 12]])

    found = KERNELS["concat"]([first, second], axis=0, interleave=True)

    assert found.tolist() == [[1, 2], [7, 8], [3, 4], [9, 10], [5, 6], [11, 12]]


def test_an_exclusive_sum_begins_with_zero():
    found = KERNELS["cumsum"](torch.tensor([1, 2, 3]), exclusive=True)
    backwards = KERNELS["cumsum"](torch.tensor([1, 2, 3]), exclusive=True, reverse=True)

    assert (found.tolist(), backwards.tolist()) == ([0, 1, 3], [5, 3, 0])


def test_blocks_and_channels_change_places():
    """Worked by hand for one block: channels 0 to 3 are its four places, by rows."""
    channels = torch.arange(8.0).reshape(1, 8, 1, 1)

    by_place = KERNELS["depth_to_space"](channels, block_size=2)
    by_channel = KERNELS["pixel_shuffle"](channels, upscale_factor=2)

    assert by_place.flatten(2).tolist() == [[[0, 2, 4, 6], [1, 3, 5, 7]]]
    assert by_channel.flatten(2).tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7]]]
    assert torch.equal(KERNELS["space_to_depth"](by_place, block_size=2), channels)
    assert torch.equal(KERNELS["pixel_unshuffle"](by_channel, downscale_factor=2), channels)


def test_windows_slide_by_their_stride():
    found = KERNELS["sliding_windows"](torch.arange(10).reshape(2, 5), axis=1, size=3, stride=2)

    assert found.tolist() == [[[0, 1, 2], [2, 3, 4]], [[5, 6, 7], [7, 8, 9]]]


def test_cropping_takes_rows_and_columns_off_each_end():
    found = KERNELS["crop"](torch.from_numpy(X), crop_height=[1, 2], crop_width=[0, 1])

    np.testing.assert_array_equal(found, X[:, :, 1:3, :3])


def test_nearest_resizes_to_whole_multiples_repeat():
    found = KERNELS["resize_nearest_neighbor"](torch.from_numpy(X), target_size_height=10, target_size_width=4)

    np.testing.assert_array_equal(found, X.repeat(2, axis=2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pad_type": "same"}, "leaves open which samples"),
        ({"pad_type": "valid", "output_shape": [1, 2, 9, 9]}, r"to \(1, 2, 9, 9\), with this .*leaves"),
    ],
    ids=["same", "another shape"],
)
def test_transposed_convolutions_that_mil_leaves_open_are_refused(arguments, message):
    window = {"strides": [1, 1], "pad": [0] * 4, "dilations": [1, 1], "groups": 1, "weight": torch.zeros(3, 2, 3, 3)}

    with pytest.raises(ConversionRefused, match=message):
        KERNELS["conv_transpose"](torch.from_numpy(X), **window, **arguments)


OPEN = {
    "real_div": {"x": WHOLE, "y": OTHER},
    "gelu": {"x": X, "mode": "ROUGH"},
    "cast": {"x": X, "dtype": "int8"},
    "pad": {"x": X, "pad": [1, 1], "mode": "wrap"},
    "gather": {"x": X, "indices": WHOLE, "batch_dims": 1},
    "slice_by_index": {"x": WHOLE, "begin": [0, 0], "end": [2, 3], "stride": [1, -1], "end_mask": [False, True]},
    "resize_bilinear": {"x": X, "target_size_height": 1, "target_size_width": 1},
    "resize_nearest_neighbor": {"x": X, "target_size_height": 7, "target_size_width": 4},
    "upsample_bilinear": {"x": X, "align_corners": True, "half_pixel_centers": True},
}


@pytest.mark.parametrize(("operator", "arguments"), OPEN.items(), ids=OPEN)
def test_a_parameter_whose_meaning_is_open_is_refused(operator, arguments):
    with pytest.raises(ConversionRefused, match=operator.split("_")[0]):
        computed(operator, arguments)


def test_every_kernel_has_a_test():
    emitted = {"avg_pool", "conv", "conv_transpose", "max_pool", "batch_norm", "instance_norm", "silu", "crop"}
    arranged = {"depth_to_space", "space_to_depth", "pixel_shuffle", "pixel_unshuffle", "sliding_windows"}
    resized = {name for name in KERNELS if name.startswith(("resize_", "upsample_"))}

    assert KERNELS.keys() - {name for name, _ in FOLDED} == emitted | arranged | resized
