import numpy as np
import pytest

from conversion.coreml.palette import palette

RNG = np.random.default_rng(0)


def _error(weight, values, indices):
    return float(np.mean((values[indices] - weight.reshape(-1)) ** 2))


def test_as_many_values_as_weights_have_are_found_again():
    weight = RNG.choice([-2.0, -0.5, 0.25, 3.0], size=(8, 4, 3, 3)).astype(np.float32)

    values, indices = palette(weight, 4)

    assert np.array_equal(values[indices].reshape(weight.shape), weight)


@pytest.mark.parametrize("size", [16, 64])
def test_each_weight_gets_its_nearest_value_and_each_value_is_the_mean_of_its_weights(size):
    weight = RNG.normal(size=(64, 32)).astype(np.float16)

    values, indices = palette(weight, size)

    flat = weight.astype(np.float64).reshape(-1)
    assert np.array_equal(indices, np.abs(flat[:, None] - values).argmin(axis=1))
    assert np.allclose(values, [flat[indices == i].mean() for i in range(size)])
    assert (np.diff(values) > 0).all()


def test_it_errs_far_less_than_even_steps_on_weights_with_rare_large_ones():
    weight = RNG.laplace(size=50_000)

    even = np.linspace(weight.min(), weight.max(), 16)
    nearest = np.abs(weight[:, None] - even).argmin(axis=1)

    assert _error(weight, *palette(weight, 16)) < _error(weight, even, nearest) / 3


def test_a_constant_weight_stays_exact():
    values, indices = palette(np.full((4, 600), 0.5, np.float32), 16)

    assert (values[indices] == 0.5).all()
