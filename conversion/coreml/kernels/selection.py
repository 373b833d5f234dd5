"""MIL's operators that take some of a tensor's values, or make new ones, in torch."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from conversion.coreml.kernels.shape import Ints, ints
from training.student.errors import ConversionRefused

Mask = Sequence[bool]


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


KERNELS: Mapping[str, Callable[..., Tensor]] = {
    "band_part": band_part,
    "crop": crop,
    "fill": fill,
    "gather": gather,
    "gather_along_axis": gather_along_axis,
    "slice_by_index": slice_by_index,
    "slice_by_size": slice_by_size,
}
