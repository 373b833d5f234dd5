"""MIL's operators that give values another shape, order or company, in torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.student.errors import ConversionRefused

Ints = Sequence[int] | Tensor


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


def pad(x: Tensor, pad: Ints, mode: str = "constant", constant_val: Tensor | float = 0.0) -> Tensor:
    """Of the last axes, as many as `pad` has pairs."""
    given = ints(pad)
    amounts = list(zip(given[::2], given[1::2], strict=True))
    if mode == "constant":
        # torch lists the last axis first.
        return F.pad(x, [amount for pair in reversed(amounts) for amount in pair], value=float(constant_val))
    if mode not in ("reflect", "replicate"):
        raise ConversionRefused(f"pad in mode '{mode}'; MIL has constant, reflect and replicate")
    for axis, (before, after) in enumerate(amounts, start=x.ndim - len(amounts)):
        index = np.pad(np.arange(x.shape[axis]), (before, after), mode="reflect" if mode == "reflect" else "edge")
        x = x.index_select(axis, torch.from_numpy(index))
    return x


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


KERNELS: Mapping[str, Callable[..., Any]] = {
    "concat": concat,
    "depth_to_space": depth_to_space,
    "expand_dims": expand_dims,
    "flatten2d": flatten2d,
    "pad": pad,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": lambda x, downscale_factor: F.pixel_unshuffle(x, int(downscale_factor)),
    "reshape": reshape,
    "reverse": lambda x, axes=None: x.flip(tuple(range(x.ndim)) if axes is None else tuple(axes)),
    "shape": lambda x: torch.tensor(x.shape, dtype=torch.int32),
    "sliding_windows": sliding_windows,
    "space_to_depth": space_to_depth,
    "split": split,
    "squeeze": squeeze,
    "stack": lambda values, axis: torch.stack(list(values), dim=axis),
    "tile": lambda x, reps: x.tile(tuple(ints(reps))),
    "transpose": lambda x, perm: x.permute(tuple(perm)),
}
