"""TFLite's own operators: the options table that each one takes, and the lowest version that expresses a use of it.

A runtime refuses versions that it does not know, so asking for more than needed locks old phones out. The rules
follow `GetBuiltinOperatorVersion` of tensorflow/lite/tools/versioning/op_version.cc for the types used here.
"""

from collections.abc import Callable, Mapping, Sequence
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

    @property
    def rank(self) -> int:
        """The highest among the inputs."""
        return max(len(shape) for shape in self.shapes)

    @property
    def is_broadcast(self) -> bool:
        """Whether the first two inputs differ in shape."""
        return self.shapes[0] != self.shapes[1]


OPTIONS: Mapping[str, str | None] = {
    "ABS": "AbsOptions",
    "ADD": "AddOptions",
    "ARG_MAX": "ArgMaxOptions",
    "ARG_MIN": "ArgMinOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "BROADCAST_TO": "BroadcastToOptions",
    "CAST": "CastOptions",
    "CEIL": None,
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "COS": "CosOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "DIV": "DivOptions",
    "ELU": None,
    "EQUAL": "EqualOptions",
    "EXP": "ExpOptions",
    "FLOOR": None,
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
    "GELU": "GeluOptions",
    "GREATER": "GreaterOptions",
    "GREATER_EQUAL": "GreaterEqualOptions",
    "HARD_SWISH": "HardSwishOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "LESS": "LessOptions",
    "LESS_EQUAL": "LessEqualOptions",
    "LOG": None,
    "LOGICAL_AND": "LogicalAndOptions",
    "LOGICAL_NOT": "LogicalNotOptions",
    "LOGICAL_OR": "LogicalOrOptions",
    "LOGISTIC": None,
    "LOG_SOFTMAX": "LogSoftmaxOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MIRROR_PAD": "MirrorPadOptions",
    "MUL": "MulOptions",
    "NEG": "NegOptions",
    "NOT_EQUAL": "NotEqualOptions",
    "PAD": "PadOptions",
    "PADV2": "PadV2Options",
    "POW": "PowOptions",
    "PRELU": None,
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "RELU": None,
    "RELU6": None,
    "RELU_N1_TO_1": None,
    "RESHAPE": "ReshapeOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "ROUND": None,
    "RSQRT": None,
    "SELECT_V2": "SelectV2Options",
    "SIGN": "SignOptions",
    "SIN": None,
    "SLICE": "SliceOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "SPLIT": "SplitOptions",
    "SQRT": None,
    "SQUARE": "SquareOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SUB": "SubOptions",
    "SUM": "ReducerOptions",
    "TANH": None,
    "TILE": "TileOptions",
    "TRANSPOSE": "TransposeOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
}


# Beyond so many axes kernels abort or refuse the file, in tflite-runtime 2.14 and in LiteRT 2.3 alike.
_MOST_AXES = 6
_FIVE_AXES = {"BATCH_MATMUL", "PAD", "PADV2", "SLICE", "STRIDED_SLICE"}
_FOUR_AXES_IF_BROADCAST = {"EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"}
_FOUR_AXES_IF_BROADCAST |= {"LOGICAL_AND", "LOGICAL_OR", "POW", "PRELU", "SELECT_V2"}


def most_axes(builtin: str, shapes: Sequence[tuple[int, ...]]) -> int:
    """The highest rank at which every runtime computes `builtin` for inputs of these shapes."""
    if builtin in _FOUR_AXES_IF_BROADCAST and len(set(shapes)) > 1:
        return 4
    return 5 if builtin in _FIVE_AXES else _MOST_AXES


def version(builtin: str, use: Use) -> int:
    """The lowest version of `builtin` that expresses `use`."""
    return _VERSIONS[builtin](use) if builtin in _VERSIONS else 1


def _is(dtype: type[np.generic], version: int, position: int = 0) -> Callable[[Use], int]:
    return lambda use: version if use.dtypes[position] == dtype else 1


def _from_rank(rank: int, version: int) -> Callable[[Use], int]:
    return lambda use: version if len(use.shapes[0]) >= rank else 1


def _broadcast_from_rank_5(version: int) -> Callable[[Use], int]:
    return lambda use: version if use.is_broadcast and use.rank >= 5 else 1


def _highest(*rules: Callable[[Use], int]) -> Callable[[Use], int]:
    return lambda use: max(rule(use) for rule in rules)


_VERSIONS: Mapping[str, Callable[[Use], int]] = {
    "ABS": _is(np.int32, 5),
    "BROADCAST_TO": lambda use: 2,
    "CONV_2D": lambda use: 6 if use.shapes[0][-1] != use.shapes[1][-1] else 1,
    "DEPTHWISE_CONV_2D": (
        lambda use: 2 if (use.options["dilationHFactor"], use.options["dilationWFactor"]) != (1, 1) else 1
    ),
    "DEQUANTIZE": _is(np.float16, 3),
    "DIV": _broadcast_from_rank_5(2),
    "FULLY_CONNECTED": lambda use: 5 if use.options["keepNumDims"] else 1,
    "GATHER": _is(np.bool_, 3),
    "MAXIMUM": _broadcast_from_rank_5(3),
    "MINIMUM": _broadcast_from_rank_5(3),
    "PAD": _from_rank(5, 4),
    "PADV2": _from_rank(5, 4),
    "RESIZE_BILINEAR": lambda use: 3 if use.options["halfPixelCenters"] else 1,
    "RESIZE_NEAREST_NEIGHBOR": lambda use: 3 if use.options["halfPixelCenters"] or use.options["alignCorners"] else 1,
    "SIGN": _is(np.int32, 2),
    "SLICE": _from_rank(5, 5),
    "SPLIT": _is(np.int32, 3, position=1),
    "STRIDED_SLICE": _highest(_is(np.bool_, 3), _from_rank(5, 4)),
    "SUB": _broadcast_from_rank_5(3),
    "TRANSPOSE": _highest(_is(np.bool_, 3), _from_rank(5, 4), _from_rank(6, 6)),
    # Inputs: output shape, weights, image, bias.
    "TRANSPOSE_CONV": lambda use: 3 if len(use.shapes) == 4 else 1,
}
