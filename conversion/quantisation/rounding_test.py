import numpy as np
import pytest

from conversion.quantisation.rounding import rounded, with_kept_sums
from conversion.source.graph import Graph, Node

RNG = np.random.default_rng(0)


@pytest.fixture
def weight():
    """Depthwise kernels that nearly cancel, of many magnitudes."""
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(200, 1, 3, 3)) * np.exp(rng.normal(size=(200, 1, 3, 3)))
    weight -= weight.mean(axis=(2, 3), keepdims=True)
    return weight.astype(np.float32)


def test_every_weight_is_a_float16_at_most_one_step_away(weight):
    found = rounded(weight)

    assert np.array_equal(found, found.astype(np.float16))
    assert (np.abs(found - weight) <= np.spacing(np.abs(weight).astype(np.float16))).all()


def test_every_weight_is_one_of_255_even_steps_of_its_kernel(weight):
    found = rounded(weight, "int8")
    step = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / np.float32(127)

    assert np.allclose(found / step, np.rint(found / step), atol=1e-4)
    assert (np.abs(found - weight) <= step * 1.0001).all()
    assert np.array_equal(np.abs(found).max(axis=(1, 2, 3)), np.abs(weight).max(axis=(1, 2, 3)))


def _lost(weight, kept):
    return np.sqrt(np.mean((kept.astype(np.float64) - weight).sum(axis=(1, 2, 3)) ** 2))


def test_sums_are_kept_better_than_by_rounding_alone(weight):
    step = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / np.float32(127)

    assert _lost(weight, rounded(weight)) < _lost(weight, weight.astype(np.float16)) / 10
    assert _lost(weight, rounded(weight, "int8")) < _lost(weight, np.rint(weight / step) * step) / 1000


def test_other_weights_and_what_float16_cannot_hold_stay_as_they_are(weight):
    dense, large = weight.reshape(100, 2, 3, 3), weight * np.float32(1e6)

    assert rounded(dense) is dense
    assert rounded(large) is large
    assert np.array_equal(rounded(0 * weight), 0 * weight)
    assert np.array_equal(rounded(0 * weight, "int8"), 0 * weight)


def test_only_the_kernels_of_a_graph_change():
    weight = RNG.normal(size=(8, 1, 3, 3)).astype(np.float32)
    bias = RNG.normal(size=8).astype(np.float32)
    graph = Graph(
        nodes=(Node("Conv", ("image", "w", "b"), ("logits",), {"group": 8}),),
        inputs=("image",),
        outputs=("logits",),
        shapes={},
        dtypes={},
        constants={"w": weight, "b": bias},
    )

    found = with_kept_sums(graph)

    assert np.array_equal(found.constants["w"], rounded(weight))
    assert not np.array_equal(found.constants["w"], weight)
    assert found.constants["b"] is bias
