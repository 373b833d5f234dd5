"""MIL operators in torch: the meaning that coremltools' operator documentation gives each, in float32.

Parameters carry MIL's own names. Kernels read nothing of how we emit: they must run anyone's program.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from conversion.coreml import sampling
from training.student.errors import ConversionRefused

Kernel = Callable[..., Any]
Ints = Sequence[int]

CONVOLUTIONS: Mapping[int, Kernel] = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}
MAX_POOLS: Mapping[int, Kernel] = {3: F.max_pool1d, 4: F.max_pool2d, 5: F.max_pool3d}
AVERAGE_POOLS: Mapping[int, Kernel] = {3: F.avg_pool1d, 4: F.avg_pool2d, 5: F.avg_pool3d}
"""By the rank of the tensor."""


def conv(
    x: Tensor,
    weight: Tensor,
    strides: Ints,
    pad_type: str,
    pad: Ints,
    dilations: Ints,
    groups: int,
    bias: Tensor | None = None,
) -> Tensor:
    """Convolution; `same` pads towards ceil(length / stride) results, the odd sample at the end."""
    reach = [(size - 1) * step + 1 for size, step in zip(weight.shape[2:], dilations, strict=True)]
    amounts = _padding(x, reach, strides, pad_type, pad)
    # torch pads both sides alike, which it does without a copy.
    alike = all(before == after for before, after in amounts)
    padded = x if alike else _padded(x, amounts, 0)
    convolved: Tensor = CONVOLUTIONS[x.ndim](
        padded,
        weight,
        bias,
        stride=strides,
        padding=[before for before, _ in amounts] if alike else 0,
        dilation=dilations,
        groups=groups,
    )
    return convolved


def max_pool(x: Tensor, kernel_sizes: Ints, strides: Ints, pad_type: str, pad: Ints, ceil_mode: bool) -> Tensor:
    """Maximum of each window; padding never wins."""
    amounts = _padding(x, kernel_sizes, strides, pad_type, pad)
    amounts = _with_overhang(x, amounts, kernel_sizes, strides) if ceil_mode else amounts
    pooled: Tensor = MAX_POOLS[x.ndim](_padded(x, amounts, -math.inf), kernel_sizes, strides)
    return pooled


def avg_pool(
    x: Tensor,
    kernel_sizes: Ints,
    strides: Ints,
    pad_type: str,
    pad: Ints,
    ceil_mode: bool,
    exclude_padding_from_average: bool,
) -> Tensor:
    """Mean of each window, over the whole kernel or only over what is no padding."""
    amounts = _padding(x, kernel_sizes, strides, pad_type, pad)
    if ceil_mode and _with_overhang(x, amounts, kernel_sizes, strides) != amounts:
        raise ConversionRefused("avg_pool with a ceil_mode that adds a window: MIL leaves open what it divides by")
    pool = AVERAGE_POOLS[x.ndim]
    pooled: Tensor = pool(_padded(x, amounts, 0), kernel_sizes, strides)
    if exclude_padding_from_average:
        pooled = pooled / pool(_padded(torch.ones_like(x[:1, :1]), amounts, 0), kernel_sizes, strides)
    return pooled


Amounts = list[tuple[int, int]]
"""Padding before and after, per spatial axis."""


def _padding(x: Tensor, reach: Ints, strides: Ints, pad_type: str, pad: Ints) -> Amounts:
    match pad_type:
        case "valid":
            return [(0, 0)] * len(reach)
        case "custom":
            return list(zip(pad[::2], pad[1::2], strict=True))
        case "same" | "same_lower":
            totals = [
                max((math.ceil(n / s) - 1) * s + r - n, 0) for n, s, r in zip(x.shape[2:], strides, reach, strict=True)
            ]
            upper = [(total // 2, total - total // 2) for total in totals]
            return upper if pad_type == "same" else [(after, before) for before, after in upper]
    raise ConversionRefused(f"pad_type '{pad_type}' is unknown; MIL has valid, custom, same and same_lower")


def _with_overhang(x: Tensor, amounts: Amounts, kernel: Ints, strides: Ints) -> Amounts:
    """Padding that makes room for the windows that ceil_mode adds, by the formula in avg_pool's documentation."""
    extended = []
    for n, (before, after), k, s in zip(x.shape[2:], amounts, kernel, strides, strict=True):
        windows = math.ceil((n + before + after - k) / s) + 1
        if before + after > 0 and (windows - 1) * s >= n + before:
            windows -= 1
        extended.append((before, after + max((windows - 1) * s + k - (n + before + after), 0)))
    return extended


def _padded(x: Tensor, amounts: Amounts, value: float) -> Tensor:
    if not any(before or after for before, after in amounts):
        return x
    # torch lists the last axis first.
    return F.pad(x, [amount for pair in reversed(amounts) for amount in pair], value=value)


def pad(x: Tensor, pad: Ints, mode: str, constant_val: Tensor) -> Tensor:
    """Of the last axes, as many as `pad` has pairs."""
    amounts = list(zip(pad[::2], pad[1::2], strict=True))
    if mode == "constant":
        return _padded(x, amounts, float(constant_val))
    for axis, (before, after) in enumerate(amounts, start=x.ndim - len(amounts)):
        index = np.pad(np.arange(x.shape[axis]), (before, after), mode="reflect" if mode == "reflect" else "edge")
        x = x.index_select(axis, torch.from_numpy(index))
    return x


def upsample_bilinear(
    x: Tensor,
    scale_factor_height: float,
    scale_factor_width: float,
    align_corners: bool,
    half_pixel_centers: bool | None = None,
) -> Tensor:
    """By factors; the sampling follows the output's own size."""
    if half_pixel_centers is not None and half_pixel_centers == align_corners:
        raise ConversionRefused(f"upsample_bilinear with align_corners and half_pixel_centers both {align_corners}")
    height, width = math.floor(x.shape[-2] * scale_factor_height), math.floor(x.shape[-1] * scale_factor_width)
    return F.interpolate(x, (height, width), mode="bilinear", align_corners=align_corners)


def resize_bilinear(x: Tensor, target_size_height: int, target_size_width: int, sampling_mode: str) -> Tensor:
    """To a size, at the positions of the sampling mode."""
    if sampling_mode not in sampling.MIL:
        raise ConversionRefused(f"sampling_mode '{sampling_mode}' is unknown; MIL has {', '.join(sampling.MIL)}")
    for axis, length in ((x.ndim - 2, target_size_height), (x.ndim - 1, target_size_width)):
        positions = torch.from_numpy(sampling.mil_positions(sampling_mode, x.shape[axis], length))
        low = positions.floor().long()
        high = (low + 1).clamp(max=x.shape[axis] - 1)
        share = (positions - low).float().view(-1, *[1] * (x.ndim - 1 - axis))
        x = x.index_select(axis, low) * (1 - share) + x.index_select(axis, high) * share
    return x


def upsample_nearest_neighbor(x: Tensor, scale_factor_height: float, scale_factor_width: float) -> Tensor:
    """By whole factors; MIL leaves open where others sample."""
    for axis, factor in ((-2, scale_factor_height), (-1, scale_factor_width)):
        if factor != int(factor):
            raise ConversionRefused(f"upsample_nearest_neighbor by {factor}: MIL leaves open where it samples")
        x = x.repeat_interleave(int(factor), dim=axis)
    return x


def batch_norm(
    x: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None,
    epsilon: Tensor | float = 1e-5,
) -> Tensor:  # fmt: skip
    """With given statistics."""
    return F.batch_norm(x, mean, variance, gamma, beta, eps=float(epsilon))


def concat(values: Sequence[Tensor], axis: int, interleave: bool = False) -> Tensor:
    """Along an axis, one after the other."""
    if interleave:
        raise ConversionRefused("concat with interleave")
    return torch.cat(list(values), dim=axis)


def cast(x: Tensor, dtype: str) -> Tensor:
    """Between numbers of any kind; real ones are held as float32, and rounded by whoever runs the program."""
    kinds = {"fp16": torch.float32, "fp32": torch.float32, "int32": torch.int32, "bool": torch.bool}
    if dtype not in kinds:
        raise ConversionRefused(f"cast to {dtype}; known are {', '.join(kinds)}")
    return x.to(kinds[dtype])


def reduce_mean(x: Tensor, axes: Ints | None = None, keep_dims: bool = False) -> Tensor:
    """Over some axes, or all."""
    return x.mean(dim=tuple(axes) if axes is not None else tuple(range(x.ndim)), keepdim=keep_dims)


KERNELS: Mapping[str, Kernel] = {
    "add": lambda x, y: x + y,
    "avg_pool": avg_pool,
    "batch_norm": batch_norm,
    "cast": cast,
    "clip": lambda x, alpha, beta: x.clamp(alpha, beta),
    "concat": concat,
    "conv": conv,
    "identity": lambda x: x,
    "max_pool": max_pool,
    "maximum": lambda x, y: x.maximum(y),
    "minimum": lambda x, y: x.minimum(y),
    "mul": lambda x, y: x * y,
    "pad": pad,
    "real_div": lambda x, y: x / y,
    "reduce_mean": reduce_mean,
    "relu": lambda x: x.relu(),
    "relu6": lambda x: x.clamp(0, 6),
    "resize_bilinear": resize_bilinear,
    "sigmoid": lambda x: x.sigmoid(),
    "sigmoid_hard": lambda x, alpha, beta: (alpha * x + beta).clamp(0, 1),
    "softmax": lambda x, axis=-1: x.softmax(axis),
    "sub": lambda x, y: x - y,
    "upsample_bilinear": upsample_bilinear,
    "upsample_nearest_neighbor": upsample_nearest_neighbor,
}
"""By MIL's name."""
