"""MIL's operators that move, join, repeat or select values without changing them, in torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.student.errors import ConversionRefused

Ints = Sequence[int] | Tensor
Mask = Sequence[bool]


def ints(given: Ints) -> list[int]:
    """Whole numbers, known or computed."""
    return [int(item) for item in (given.tolist() if isinstance(given, Tensor) else given)]


def reshape(x: Tensor, shape: Ints) -> Tensor:
    """To a shape where −1 is what remains, and 0 as long as before."""
    wanted = ints(shape)
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(wanted)])


def expand_dims(x: Tensor, axes: Ints) -> Tensor:
    """New axes of length 1, counted in the result."""
    rank = x.ndim + len(axes)
    for axis in sorted(axis % rank for axis in ints(axes)):
        x = x.unsqueeze(axis)
    return x


def squeeze(x: Tensor, axes: Ints | None = None) -> Tensor:
    """Without these axes, or any, that have length 1."""
    return x.squeeze() if axes is None else x.squeeze(tuple(ints(axes)))


def flatten2d(x: Tensor, axis: int = 1) -> Tensor:
    """The axes in front of `axis`, and the others."""
    return x.reshape(int(np.prod(x.shape[:axis])), -1)


def concat(values: Sequence[Tensor], axis: int, interleave: bool = False) -> Tensor:
    """Along an axis, one after the other or taking turns."""
    if not interleave:
        return torch.cat(list(values), dim=axis)
    axis %= values[0].ndim
    return torch.stack(list(values), dim=axis + 1).flatten(axis, axis + 1)


def split(x: Tensor, axis: int, num_splits: int | None = None, split_sizes: Ints | None = None) -> tuple[Tensor, ...]:
    """Into these lengths, or so many equal ones."""
    if split_sizes is not None:
        return torch.split(x, ints(split_sizes), dim=axis)
    assert num_splits is not None
    return torch.split(x, x.shape[axis] // num_splits, dim=axis)


def depth_to_space(x: Tensor, block_size: int) -> Tensor:
    """As TensorFlow, whose operator coremltools converts to this one: a block's place counts more than its channel."""
    n, c, h, w = x.shape
    b = block_size
    blocks = x.reshape(n, b, b, c // b**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return blocks.reshape(n, c // b**2, h * b, w * b)


def space_to_depth(x: Tensor, block_size: int) -> Tensor:
    """What undoes depth_to_space."""
    n, c, h, w = x.shape
    b = block_size
    return x.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4).reshape(n, c * b**2, h // b, w // b)


def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    """As torch: a channel counts more than its block's place."""
    return F.pixel_shuffle(x, upscale_factor)


def sliding_windows(x: Tensor, axis: int, size: int, stride: int = 1) -> Tensor:
    """All windows along an axis, their samples on an axis behind it."""
    axis %= x.ndim
    return x.unfold(axis, size, stride).movedim(-1, axis + 1)


def slice_by_index(
    x: Tensor,
    begin: Ints,
    end: Ints,
    stride: Ints | None = None,
    begin_mask: Mask | None = None,
    end_mask: Mask | None = None,
    squeeze_mask: Mask | None = None,
) -> Tensor:
    """Numpy's slices; a mask leaves a bound out, or takes one place and drops the axis."""
    begins, ends = ints(begin), ints(end)
    strides = [1] * x.ndim if stride is None else ints(stride)
    free_begin, free_end, single = ([False] * x.ndim if m is None else m for m in (begin_mask, end_mask, squeeze_mask))
    for axis in reversed(range(x.ndim)):
        if single[axis]:
            x = x.select(axis, begins[axis])
            continue
        if strides[axis] < 0 and (free_begin[axis] or free_end[axis]):
            raise ConversionRefused("slice_by_index backwards with a bound left out: MIL leaves open from where")
        start, stop = (None if free_begin[axis] else begins[axis]), (None if free_end[axis] else ends[axis])
        places = range(*slice(start, stop, strides[axis]).indices(x.shape[axis]))
        x = x.index_select(axis, torch.tensor(places, dtype=torch.int64))
    return x


def slice_by_size(x: Tensor, begin: Ints, size: Ints) -> Tensor:
    """From a place on so many, or with −1 all that remain."""
    for axis, (start, length) in enumerate(zip(ints(begin), ints(size), strict=True)):
        first = start % x.shape[axis]
        x = x.narrow(axis, first, x.shape[axis] - first if length == -1 else length)
    return x


def gather(x: Tensor, indices: Tensor, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False) -> Tensor:
    """Slices along an axis, where a negative index counts from the end."""
    if batch_dims:
        raise ConversionRefused(f"gather with batch_dims {batch_dims}; only 0 is known")
    axis %= x.ndim
    places = indices.long() % x.shape[axis]
    chosen = x.index_select(axis, places.reshape(-1))
    return chosen.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def gather_along_axis(x: Tensor, indices: Tensor, axis: int = 0, validate_indices: bool = False) -> Tensor:
    """One index for each value."""
    return x.take_along_dim(indices.long() % x.shape[axis], dim=axis)


def crop(x: Tensor, crop_height: Sequence[int], crop_width: Sequence[int]) -> Tensor:
    """Without so many first and last rows and columns."""
    (top, bottom), (left, right) = crop_height, crop_width
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


def band_part(x: Tensor, lower: int = -1, upper: int = -1) -> Tensor:
    """So many diagonals below and above the main one, all where it is negative; zero elsewhere."""
    below = x if lower < 0 else x.triu(-lower)
    return below if upper < 0 else below.tril(upper)


def fill(shape: Ints, value: Tensor | float = 0.0) -> Tensor:
    """One value everywhere."""
    number = torch.as_tensor(value)
    number = number if number.dtype != torch.int64 else number.to(torch.int32)
    return torch.full(ints(shape), number.item(), dtype=number.dtype)


KERNELS: Mapping[str, Callable[..., Any]] = {
    "band_part": band_part,
    "concat": concat,
    "crop": crop,
    "depth_to_space": depth_to_space,
    "expand_dims": expand_dims,
    "fill": fill,
    "flatten2d": flatten2d,
    "gather": gather,
    "gather_along_axis": gather_along_axis,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": lambda x, downscale_factor: F.pixel_unshuffle(x, int(downscale_factor)),
    "reshape": reshape,
    "reverse": lambda x, axes=None: x.flip(tuple(range(x.ndim)) if axes is None else tuple(axes)),
    "shape": lambda x: torch.tensor(x.shape, dtype=torch.int32),
    "slice_by_index": slice_by_index,
    "slice_by_size": slice_by_size,
    "sliding_windows": sliding_windows,
    "space_to_depth": space_to_depth,
    "split": split,
    "squeeze": squeeze,
    "stack": lambda values, axis: torch.stack(list(values), dim=axis),
    "tile": lambda x, reps: x.tile(tuple(ints(reps))),
    "transpose": lambda x, perm: x.permute(tuple(perm)),
}
