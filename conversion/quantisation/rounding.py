"""Rounding of depthwise kernels that keeps the sum of each kernel.

Rounding the nine weights of a depthwise kernel one by one changes their sum. If they nearly cancel, and their channel
is nearly constant, this change is as large as the signal: so in the first layers of an ImageNet MobileNetV2 behind
ReLU6. On photos, the logits of students with that encoder gained 4 to 5 dB by keeping the sums, in float16 and int8.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from conversion.source.graph import Graph
from training.student.arrays import Array

Doubles = NDArray[np.float64]
Grid = Callable[[Doubles, Doubles], tuple[Doubles, Doubles]]
"""From values and the largest magnitude of each one's kernel to the nearest values allowed, and half a step there."""

LARGEST = float(np.finfo(np.float16).max)


def _float16(value: Doubles, largest: Doubles) -> tuple[Doubles, Doubles]:
    return value.astype(np.float16).astype(np.float64), np.spacing(np.abs(value).astype(np.float16)) / np.float64(2)


def _int8(value: Doubles, largest: Doubles) -> tuple[Doubles, Doubles]:
    """Symmetric quantisation per channel: 127 equal steps to each side, the largest weight on the last."""
    step = np.where(largest > 0, largest, 1) / 127
    return np.rint(value / step).clip(-127, 127) * step, step / 2


GRIDS: Mapping[str, Grid] = MappingProxyType({"fp16": _float16, "int8": _int8})


def with_kept_sums(graph: Graph, grid: str = "fp16") -> Graph:
    """The graph with its depthwise kernels already on a grid, so that rounding to it changes nothing."""
    kernels = {node.inputs[1] for node in graph.nodes if node.operator == "Conv"} & graph.constants.keys()
    weights = {name: rounded(graph.constants[name], grid) for name in kernels}
    return replace(graph, constants={**graph.constants, **weights})


def rounded(weight: Array, grid: str = "fp16") -> Array:
    """Depthwise weights (C, 1, …) on a grid, each at most one step from its own value.

    The rounding error of one weight is carried to the next, from the largest weight to the smallest, whose steps are
    the finest. Weights of other shapes are returned as they are, and so are weights beyond float16's range.
    """
    if weight.shape[1] != 1 or np.abs(weight).max(initial=0) >= LARGEST:
        return weight
    exact = weight.reshape(len(weight), -1).astype(np.float64)
    largest = np.abs(exact).max(axis=1, initial=0)
    kept = np.zeros_like(exact)
    row, carried = np.arange(len(exact)), np.zeros(len(exact))
    for column in np.argsort(-np.abs(exact), axis=1).T:
        value = exact[row, column]
        _, half_step = GRIDS[grid](value, largest)
        kept[row, column], _ = GRIDS[grid](value + carried.clip(-half_step, half_step), largest)
        carried += value - kept[row, column]
    return kept.reshape(weight.shape).astype(np.float32)
