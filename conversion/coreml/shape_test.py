import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conversion.coreml.shape import merged

TRANSPOSES = st.lists(st.integers(1, 3), min_size=1, max_size=8).flatmap(
    lambda shape: st.tuples(st.just(tuple(shape)), st.permutations(range(len(shape))).map(tuple))
)


@given(TRANSPOSES)
def test_merged_axes_move_the_same_elements(transpose):
    shape, perm = transpose
    elements = np.arange(np.prod(shape))

    sizes, order = merged(shape, perm)

    moved = elements.reshape(sizes).transpose(order)
    np.testing.assert_array_equal(moved.reshape(-1), elements.reshape(shape).transpose(perm).reshape(-1))


def test_axes_that_stay_together_are_one():
    # A Swin transformer's partition into windows.
    assert merged((1, 8, 7, 8, 7, 96), (0, 1, 3, 2, 4, 5)) == ((8, 7, 8, 672), (0, 2, 1, 3))
    assert merged((2, 3, 4), (0, 1, 2)) == ((24,), (0,))
    assert merged((1, 1), (1, 0)) == ((1,), (0,))
