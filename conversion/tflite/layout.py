"""Which axis goes where: the one place that knows that images are channels-last in the file.

A tensor of rank 4 is (N, C, H, W) in the graph and (N, H, W, C) in the file; every other rank keeps ONNX's order.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

IMAGE_RANK = 4
IMAGE_AXES = (2, 3)
"""Rows and columns, as the graph numbers them."""

_CHANNELS_LAST = (0, 2, 3, 1)
Array = NDArray[Any]


def order(rank: int) -> tuple[int, ...]:
    """For each axis in the file, the axis of the graph that lies there."""
    return _CHANNELS_LAST if rank == IMAGE_RANK else tuple(range(rank))


def shape(graph_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape in the file."""
    return tuple(graph_shape[axis] for axis in order(len(graph_shape)))


def axis(graph_axis: int, rank: int) -> int:
    """Where an axis of the graph, which may count from the end, lies in the file."""
    return order(rank).index(graph_axis % rank)


def to_file(array: Array) -> Array:
    """A tensor as the file holds it."""
    return array.transpose(order(array.ndim)).copy()


def to_graph(array: Array) -> Array:
    """A tensor as the graph, hence ONNX, holds it; undoes `to_file`."""
    return array.transpose(np.argsort(order(array.ndim))).copy()
