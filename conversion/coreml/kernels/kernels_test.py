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

# Operators that coremltools can compute on its own, when it folds constants.
FOLDED = {
    "add": {"x": X, "y": Y},
    "cast": {"x": X, "dtype": "int32"},
    "clip": {"x": X, "alpha": -ALPHA, "beta": BETA},
    "concat": {"values": [X, X + 1], "axis": -1},
    "identity": {"x": X},
    "maximum": {"x": X, "y": Y},
    "minimum": {"x": X, "y": Y},
    "mul": {"x": X, "y": Y},
    "real_div": {"x": X, "y": Y},
    "reduce_mean": {"x": X, "axes": [2, 3], "keep_dims": True},
    "relu": {"x": X},
    "relu6": {"x": X},
    "sigmoid": {"x": X},
    "sigmoid_hard": {"x": X, "alpha": ALPHA, "beta": BETA},
    "softmax": {"x": X, "axis": 1},
    "sub": {"x": X, "y": Y},
}
PADDED = {
    "constant": {"pad": [0, 0, 1, 0, 2, 1, 0, 3], "constant_val": np.float32(7)},
    "reflect": {"pad": [2, 1, 0, 3]},
    "replicate": {"pad": [2, 1, 0, 3]},
}
CASES = [
    *((name, arguments) for name, arguments in FOLDED.items()),
    *(("pad", {"x": X, "constant_val": np.float32(0), "mode": mode, **given}) for mode, given in PADDED.items()),
]


def as_argument(value):
    if isinstance(value, list):
        return [as_argument(item) for item in value]
    return torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray | np.floating) else value


@pytest.mark.parametrize(("operator", "arguments"), CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])
def test_a_kernel_computes_what_coremltools_folds(operator, arguments):
    mil = load_coremltools().converters.mil
    with mil.Function({}):
        folded = getattr(mil.Builder, operator)(**arguments).val

    found = KERNELS[operator](**{name: as_argument(value) for name, value in arguments.items()}).numpy()

    assert found.shape == folded.shape
    np.testing.assert_allclose(found, folded, rtol=1e-6, atol=1e-6)


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
