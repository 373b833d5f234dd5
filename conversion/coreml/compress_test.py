import numpy as np
import pytest

from conversion.artefact.kinds import size
from conversion.coreml import package
from conversion.coreml.compress import compress, layers
from conversion.coreml.executor import load
from training.student.digest import sha256

RNG = np.random.default_rng(0)
CONSTANTS = {
    "w1": RNG.normal(size=(64, 3, 3, 3)).astype(np.float32),
    "w2": RNG.normal(size=(256, 1, 3, 3)).astype(np.float32),
    "w3": RNG.normal(size=(64, 256, 1, 1)).astype(np.float32),
    "wide": RNG.normal(size=(256, 64, 1, 1)).astype(np.float32),
}


@pytest.fixture(scope="module")
def half(network, tmp_path_factory):
    """A small, a large dense, a large depthwise and another large dense convolution, in fp16."""
    nodes = """
        a = Conv <pads = [1, 1, 1, 1]> (image, w1)
        b = Conv (a, wide)
        c = Conv <group = 256, pads = [1, 1, 1, 1]> (b, w2)
        logits = Conv (c, w3)
    """
    return network(nodes, CONSTANTS).emit(
        tmp_path_factory.mktemp("half") / "half.mlpackage", "fp16", {"contract": "raw pixels"}
    )


def _weights(path):
    steps = [step for step in load(path).steps if step.operator == "conv"]
    return [step.arguments["weight"].numpy() for step in steps]


@pytest.mark.parametrize(("precision", "distinct"), [("p6", 64), ("p4", 16)])
def test_a_palette_has_as_many_values_as_its_bits_can_count(half, tmp_path, precision, distinct):
    compress(half, tmp_path / "small.mlpackage", precision)

    before, after = _weights(half), _weights(tmp_path / "small.mlpackage")
    assert [len(np.unique(after[i])) for i in (1, 3)] == [distinct, distinct]
    assert all(np.abs(after[i] - before[i]).mean() < 0.3 * 8 / distinct for i in (1, 3))


def test_linear_weights_have_127_even_steps_a_channel(half, tmp_path):
    compress(half, tmp_path / "small.mlpackage", "w8")

    before, after = _weights(half)[1], _weights(tmp_path / "small.mlpackage")[1]
    step = np.abs(before).max(axis=(1, 2, 3), keepdims=True) / 127
    assert np.abs(after - before).max() > 0
    # Beyond half a step: the scale and the product are rounded to float16, 2 ** -11 of the weight each.
    assert (np.abs(after - before) <= step / 2 + np.abs(before) * 2**-10).all()


@pytest.mark.parametrize("precision", ["w8", "p6", "p4"])
def test_small_and_depthwise_kernels_stay_as_they_are(half, tmp_path, precision):
    compress(half, tmp_path / "small.mlpackage", precision)

    before, after = _weights(half), _weights(tmp_path / "small.mlpackage")
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [True, False, True, False]


@pytest.mark.parametrize("precision", ["w8", "p6", "p4"])
def test_a_kept_layer_stays_as_it_is(half, tmp_path, precision):
    first, _ = layers(half)
    compress(half, tmp_path / "whole.mlpackage", precision)
    compress(half, tmp_path / "part.mlpackage", precision, [first])

    before, after = _weights(half), _weights(tmp_path / "part.mlpackage")
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [True, True, True, False]
    assert size(tmp_path / "whole.mlpackage") < size(tmp_path / "part.mlpackage") < size(half)


def test_layers_know_the_operators_that_read_them(half):
    steps = [step.name for step in load(half).steps if step.operator == "conv"]

    assert list(layers(half).values()) == [[steps[1]], [steps[3]]]


def test_metadata_comes_along_and_the_same_gives_the_same_bytes(half, tmp_path):
    for name in ("once", "again"):
        compress(half, tmp_path / f"{name}.mlpackage", "p4")

    assert package.read_metadata(tmp_path / "once.mlpackage")["contract"] == "raw pixels"
    assert sha256(tmp_path / "once.mlpackage") == sha256(tmp_path / "again.mlpackage")


def test_a_compressed_package_asks_for_ios_16_and_its_source_for_less(half, tmp_path):
    compress(half, tmp_path / "small.mlpackage", "p6")

    versions = [package.read_specification(path).specificationVersion for path in (half, tmp_path / "small.mlpackage")]
    assert versions == [6, 7]
