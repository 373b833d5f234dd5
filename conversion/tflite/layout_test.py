import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.tflite import layout

SIZES = (1, 2, 3, 4, 6, 12)


def laid_out(array, order):
    return array.transpose(order)


def numbered(shape):
    return np.arange(math.prod(shape)).reshape(shape)


shapes = st.lists(st.sampled_from(SIZES), min_size=1, max_size=5).map(tuple)


@st.composite
def ordered(draw):
    shape = draw(shapes)
    return shape, tuple(draw(st.permutations(range(len(shape)))))


@pytest.mark.parametrize("rank", range(6))
def test_to_the_file_and_back_changes_nothing(rank):
    array = numbered(range(2, 2 + rank))

    assert np.array_equal(layout.to_graph(layout.to_file(array)), array)


def test_channels_come_last_in_images_alone():
    assert layout.to_file(np.zeros((1, 3, 64, 96))).shape == (1, 64, 96, 3)
    assert layout.to_file(np.zeros((1, 3, 64))).shape == (1, 3, 64)


@given(ordered(), st.randoms())
def test_a_transpose_only_gives_axes_other_names(tensor, random):
    shape, order = tensor
    permutation = random.sample(range(len(shape)), len(shape))
    array = numbered(shape)

    made = layout.transposed(order, permutation)

    assert np.array_equal(laid_out(array.transpose(permutation), made), laid_out(array, order))


@given(ordered(), st.data())
def test_axes_that_go_leave_the_others_where_they_lie(tensor, data):
    shape, order = tensor
    axes = data.draw(st.sets(st.sampled_from(range(len(shape)))))
    array = numbered(shape)

    summed = array.sum(tuple(axes))

    places = tuple(order.index(axis) for axis in axes)
    assert np.array_equal(laid_out(summed, layout.without(order, axes)), laid_out(array, order).sum(places))


@given(ordered(), st.data())
def test_axes_that_come_lie_where_the_one_before_lay(tensor, data):
    shape, order = tensor
    axis = data.draw(st.sampled_from(range(len(shape))))
    array, indices = numbered(shape), np.zeros((2, 3), int)

    made = layout.replaced(order, axis, 2)

    taken = laid_out(array, order).take(indices, order.index(axis))
    assert np.array_equal(laid_out(array.take(indices, axis), made), taken)


@given(ordered(), st.integers(0, 2))
def test_widening_and_narrowing_undo_each_other(tensor, more):
    shape, order = tensor

    wide = layout.widened(order, len(shape) + more)

    assert layout.narrowed(wide, len(shape)) == order
    assert layout.laid_out((1,) * more + shape, wide) == (1,) * more + layout.laid_out(shape, order)


@given(ordered(), st.data())
def test_a_reshape_moves_nothing_once_it_is_read_as_told(tensor, data):
    shape, order = tensor
    target = data.draw(shapes.filter(lambda target: math.prod(target) == math.prod(shape)) | divisions(shape))
    array = numbered(shape)

    read, made = layout.reshaped(shape, order, target)

    assert np.array_equal(laid_out(array, read).reshape(-1), laid_out(array.reshape(target), made).reshape(-1))


def divisions(shape):
    """Other shapes of as many values: axes split and merged."""
    factors = [factor for size in shape for factor in ((2, size // 2) if size % 2 == 0 else (size,))]

    def merged(cuts):
        bounds = [0, *sorted(cuts), len(factors)]
        return tuple(math.prod(factors[a:b]) for a, b in pairwise(bounds))

    return st.sets(st.integers(0, len(factors))).map(merged)


@pytest.mark.parametrize(
    ("shape", "order", "target", "read", "made"),
    [
        ((1, 8, 4, 6), (0, 2, 3, 1), (1, 8, 24), (0, 2, 3, 1), (0, 2, 1)),
        ((1, 8, 24), (0, 2, 1), (1, 8, 4, 6), (0, 2, 1), (0, 2, 3, 1)),
        ((1, 8, 1, 1), (0, 2, 3, 1), (1, 8), (0, 2, 3, 1), (0, 1)),
        ((1, 8), (0, 1), (1, 8, 1, 1), (0, 1), (0, 2, 3, 1)),
        ((1, 24, 8), (0, 1, 2), (1, 24, 2, 4), (0, 1, 2), (0, 1, 2, 3)),
        ((1, 8, 4, 6), (0, 2, 3, 1), (1, 192), (0, 1, 2, 3), (0, 1)),
        ((1, 96, 2, 32), (0, 2, 1, 3), (1, 96, 64), (0, 1, 2, 3), (0, 1, 2)),
        ((1, 2, 4, 3, 5), (0, 3, 4, 2, 1), (1, 8, 3, 5), (0, 3, 4, 1, 2), (0, 2, 3, 1)),
    ],
)
def test_a_reshape_is_free_where_the_stored_order_allows(shape, order, target, read, made):
    assert layout.reshaped(shape, order, target) == (read, made)
