"""MIL's resizes in torch."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from conversion.source.sampling import Positions, inside
from training.student.errors import ConversionRefused

SAMPLING_MODES: Mapping[str, Callable[[Positions, int, int], Positions]] = {
    "UNALIGN_CORNERS": lambda i, n, m: (i + 0.5) * n / m - 0.5,
    "STRICT_ALIGN_CORNERS": lambda i, n, m: i * (n - 1) / (m - 1) if m > 1 else np.full(m, np.nan),
    "ALIGN_CORNERS": lambda i, n, m: i * (n - 1) / (m - 1) if m > 1 else np.full(m, (n - 1) / 2),
    "DEFAULT": lambda i, n, m: i * (n - n / m) / (m - 1) if m > 1 else np.full(m, np.nan),
    "OFFSET_CORNERS": lambda i, n, m: (i + 0.5) * max(1, n - 1) / m,
}
"""`sampling_mode` of resize_bilinear, from the docstring of coremltools' iOS15 operator.

For one output sample, STRICT_ALIGN_CORNERS and DEFAULT divide zero by zero there: NaN agrees with nothing.
"""


def sampled_positions(mode: str, length: int, resized: int) -> Positions:
    """Where MIL's resize_bilinear samples, held inside the input."""
    return inside(SAMPLING_MODES[mode](np.arange(resized, dtype=np.float64), length, resized), length)


def upsample_bilinear(
    x: Tensor,
    scale_factor_height: float = 1,
    scale_factor_width: float = 1,
    align_corners: bool = True,
    half_pixel_centers: bool | None = None,
) -> Tensor:
    """By factors; the sampling follows the output's own size."""
    if half_pixel_centers is not None and half_pixel_centers == align_corners:
        raise ConversionRefused(f"upsample_bilinear with align_corners and half_pixel_centers both {align_corners}")
    height = math.floor(x.shape[-2] * float(scale_factor_height))
    width = math.floor(x.shape[-1] * float(scale_factor_width))
    flat = x.reshape(1, -1, *x.shape[-2:])
    resized = F.interpolate(flat, (height, width), mode="bilinear", align_corners=align_corners)
    return resized.reshape(*x.shape[:-2], height, width)


def resize_bilinear(
    x: Tensor, target_size_height: int = 1, target_size_width: int = 1, sampling_mode: str = "DEFAULT"
) -> Tensor:
    """To a size, at the positions of the sampling mode."""
    if sampling_mode not in SAMPLING_MODES:
        raise ConversionRefused(f"sampling_mode '{sampling_mode}' is unknown; MIL has {', '.join(SAMPLING_MODES)}")
    for axis, length in ((x.ndim - 2, target_size_height), (x.ndim - 1, target_size_width)):
        positions = torch.from_numpy(sampled_positions(sampling_mode, x.shape[axis], length))
        if positions.isnan().any():
            raise ConversionRefused(f"resize_bilinear to one sample in sampling_mode {sampling_mode}: MIL divides by 0")
        low = positions.floor().long()
        high = (low + 1).clamp(max=x.shape[axis] - 1)
        share = (positions - low).float().view(-1, *[1] * (x.ndim - 1 - axis))
        x = x.index_select(axis, low) * (1 - share) + x.index_select(axis, high) * share
    return x


def upsample_nearest_neighbor(x: Tensor, scale_factor_height: float = 1, scale_factor_width: float = 1) -> Tensor:
    """By whole factors; MIL leaves open where others sample."""
    for axis, factor in ((-2, float(scale_factor_height)), (-1, float(scale_factor_width))):
        if factor != int(factor):
            raise ConversionRefused(f"upsample_nearest_neighbor by {factor}: MIL leaves open where it samples")
        x = x.repeat_interleave(int(factor), dim=axis)
    return x


def resize_nearest_neighbor(x: Tensor, target_size_height: int, target_size_width: int) -> Tensor:
    """To whole multiples of the size; MIL leaves open where others sample."""
    if target_size_height % x.shape[-2] or target_size_width % x.shape[-1]:
        found = f"{tuple(x.shape[-2:])} to {(target_size_height, target_size_width)}"
        raise ConversionRefused(f"resize_nearest_neighbor from {found}: MIL leaves open where it samples")
    return upsample_nearest_neighbor(x, target_size_height // x.shape[-2], target_size_width // x.shape[-1])


KERNELS: Mapping[str, Callable[..., Tensor]] = {
    "resize_bilinear": resize_bilinear,
    "resize_nearest_neighbor": resize_nearest_neighbor,
    "upsample_bilinear": upsample_bilinear,
    "upsample_nearest_neighbor": upsample_nearest_neighbor,
}
