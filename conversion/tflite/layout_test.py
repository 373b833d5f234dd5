import numpy as np
import pytest

from conversion.tflite import layout


@pytest.mark.parametrize("rank", range(6))
def test_to_the_file_and_back_changes_nothing(rank):
    array = np.arange(np.prod(range(2, 2 + rank), dtype=int)).reshape(range(2, 2 + rank))

    assert np.array_equal(layout.to_graph(layout.to_file(array)), array)


@pytest.mark.parametrize("rank", range(1, 6))
def test_shapes_axes_and_arrays_agree(rank):
    array = np.zeros(range(2, 2 + rank))

    assert layout.to_file(array).shape == layout.shape(array.shape)
    for axis in range(-rank, rank):
        assert layout.shape(array.shape)[layout.axis(axis, rank)] == array.shape[axis]


def test_channels_come_last_in_images_alone():
    assert layout.shape((1, 3, 64, 96)) == (1, 64, 96, 3)
    assert layout.shape((1, 3, 64)) == (1, 3, 64)
