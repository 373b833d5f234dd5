"""TFLite's own operators: the options table that each one takes, and the lowest version that expresses a use of it.

A runtime refuses versions that it does not know, so asking for more than needed locks old phones out. The rules
follow `GetBuiltinOperatorVersion` of tensorflow/lite/tools/versioning/op_version.cc for the types used here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Use:
    """What an operator's version depends on."""

    shapes: tuple[tuple[int, ...], ...]
    """Of the inputs, as in the file."""
    dtypes: tuple[np.dtype[Any], ...]
    """Of the inputs."""
    options: Mapping[str, Any]


OPTIONS: Mapping[str, str | None] = {
    "ADD": "AddOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "DIV": "DivOptions",
    "HARD_SWISH": "HardSwishOptions",
    "LOGISTIC": None,
    "MAXIMUM": "MaximumMinimumOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MUL": "MulOptions",
    "PAD": "PadOptions",
    "PADV2": "PadV2Options",
    "RELU": None,
    "RELU6": None,
    "RELU_N1_TO_1": None,
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SUB": "SubOptions",
}


def version(builtin: str, use: Use) -> int:
    """The lowest version of `builtin` that expresses `use`."""
    return _VERSIONS[builtin](use) if builtin in _VERSIONS else 1


def _convolution(use: Use) -> int:
    is_grouped = use.shapes[0][-1] != use.shapes[1][-1]
    return 6 if is_grouped else 1


def _depthwise(use: Use) -> int:
    is_dilated = (use.options["dilationHFactor"], use.options["dilationWFactor"]) != (1, 1)
    return 2 if is_dilated else 1


def _dequantize(use: Use) -> int:
    return 3 if use.dtypes[0] == np.float16 else 1


def _bilinear(use: Use) -> int:
    return 3 if use.options["halfPixelCenters"] else 1


def _nearest(use: Use) -> int:
    return 3 if use.options["halfPixelCenters"] or use.options["alignCorners"] else 1


_VERSIONS: Mapping[str, Callable[[Use], int]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DEQUANTIZE": _dequantize,
    "RESIZE_BILINEAR": _bilinear,
    "RESIZE_NEAREST_NEIGHBOR": _nearest,
}
