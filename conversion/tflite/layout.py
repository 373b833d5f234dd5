"""Axis orders: which axis of the graph lies where in the file, and how operators carry that on.

A tensor's order names, for each axis in the file, the axis of the graph that lies there: an image that is
(N, C, H, W) in the graph and (N, H, W, C) in the file has order (0, 2, 3, 1). Everything here is arithmetic on such
orders; `builder` decides which order a tensor gets.
"""

import math
from collections.abc import Sequence

import numpy as np

from training.student.arrays import Array

Order = tuple[int, ...]
Shape = tuple[int, ...]

CHANNELS_LAST: Order = (0, 2, 3, 1)
IMAGE_RANK = len(CHANNELS_LAST)


def border(rank: int) -> Order:
    """The order that inputs and outputs of a file are agreed to have: images channels-last, all else as in ONNX."""
    return CHANNELS_LAST if rank == IMAGE_RANK else tuple(range(rank))


def to_file(array: Array) -> Array:
    """An input or output of the graph as the file has it."""
    return array.transpose(border(array.ndim)).copy()


def to_graph(array: Array) -> Array:
    """An input or output of the file as the graph, hence ONNX, has it; undoes `to_file`."""
    return array.transpose(np.argsort(border(array.ndim))).copy()


def laid_out(shape: Shape, order: Order) -> Shape:
    """The shape in the file."""
    return tuple(shape[axis] for axis in order)


def moves_nothing(shape: Shape, stored: Order, order: Order) -> bool:
    """Whether two orders of one tensor put the same values in the same sequence: only axes of size 1 differ."""
    return _long(shape, stored) == _long(shape, order)


def with_last(order: Order, *axes: int) -> Order:
    """The order with some axes moved behind all others."""
    return (*(axis for axis in order if axis not in axes), *axes)


def widened(order: Order, rank: int) -> Order:
    """The order of a tensor that broadcasting has given axes of size 1 in front."""
    missing = rank - len(order)
    return (*range(missing), *(axis + missing for axis in order))


def narrowed(order: Order, rank: int) -> Order:
    """The order that the last `rank` axes have among themselves, numbered by themselves."""
    missing = len(order) - rank
    return tuple(axis - missing for axis in order if axis >= missing)


def replaced(order: Order, axis: int, count: int) -> Order:
    """The order after one axis has become `count` axes that lie where it lay."""
    parts: list[int] = []
    for own in order:
        parts += range(axis, axis + count) if own == axis else [own if own < axis else own + count - 1]
    return tuple(parts)


def without(order: Order, axes: Sequence[int]) -> Order:
    """The order after some axes are gone."""
    for axis in sorted(axes, reverse=True):
        order = replaced(order, axis, 0)
    return order


def transposed(order: Order, permutation: Sequence[int]) -> Order:
    """The order that ONNX's Transpose gives to what stays where it lies."""
    return tuple(permutation.index(axis) for axis in order)


def reshaped(shape: Shape, order: Order, target: Shape) -> tuple[Order, Order]:
    """The order to read a tensor in so that a Reshape moves nothing, and the order of its result.

    Both shapes fall into blocks of axes of equal product. A block may lie anywhere, but its axes must lie side by
    side, in the graph's order. What is read differs from `order` only where that is not so.
    """
    blocks = _blocks(shape, target)
    # What lies innermost stays there: it is what operators want there, and moves in long runs.
    blocks.sort(key=lambda block: max(order.index(axis) for axis in block[0]))
    before = iter([axis for block in blocks for axis in block[0]])
    after = [axis for block in blocks for axis in block[1]]
    # Axes of size 1 stay where they are: moving them would cost an operator.
    read = tuple(axis if shape[axis] == 1 else next(before) for axis in order)
    rank = len(target)
    ones = [axis for axis in range(rank) if target[axis] == 1]
    candidates = (border(rank), tuple(range(rank)), (*ones, *after))
    return read, next(candidate for candidate in candidates if _long(target, candidate) == after)


def _long(shape: Shape, order: Order) -> list[int]:
    return [axis for axis in order if shape[axis] != 1]


def _blocks(shape: Shape, target: Shape) -> list[tuple[list[int], list[int]]]:
    """The shortest runs of axes, those of size 1 left out, that hold equally many values in both shapes."""
    left, right = (_long(sizes, tuple(range(len(sizes)))) for sizes in (shape, target))
    blocks = []
    while left:
        block = ([left.pop(0)], [right.pop(0)])
        while (sizes := _products(block, shape, target))[0] != sizes[1]:
            smaller = int(sizes[1] < sizes[0])
            block[smaller].append((left, right)[smaller].pop(0))
        blocks.append(block)
    return blocks


def _products(block: tuple[list[int], list[int]], shape: Shape, target: Shape) -> tuple[int, int]:
    return math.prod(shape[axis] for axis in block[0]), math.prod(target[axis] for axis in block[1])
