import numpy as np
import pytest

from conversion.graph import Graph, Node
from conversion.rounding import rounded, with_kept_sums

RNG = np.random.default_rng(0)


@pytest.fixture
def weight():
    """Depthwise kernels that nearly cancel, of many magnitudes."""
    weight = RNG.normal(size=(200, 1, 3, 3)) * np.exp(RNG.normal(size=(200, 1, 3, 3)))
    weight -= weight.mean(axis=(2, 3), keepdims=True)
    return weight.astype(np.float32)


def test_every_weight_is_a_float16_at_most_one_step_away(weight):
    found = rounded(weight)

    assert np.array_equal(found, found.astype(np.float16))
    assert (np.abs(found - weight) <= np.spacing(np.abs(weight).astype(np.float16))).all()


def test_sums_are_kept_better_than_by_rounding_alone(weight):
    def lost(kept):
        return np.sqrt(np.mean((kept.astype(np.float64) - weight).sum(axis=(1, 2, 3)) ** 2))

    assert lost(rounded(weight)) < lost(weight.astype(np.float16)) / 10


def test_other_weights_and_what_float16_cannot_hold_stay_as_they_are(weight):
    dense, large = weight.reshape(100, 2, 3, 3), weight * np.float32(1e6)

    assert rounded(dense) is dense
    assert rounded(large) is large
    assert np.array_equal(rounded(0 * weight), 0 * weight)


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
