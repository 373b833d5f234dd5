"""MIL's reductions in torch."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

Reduction = Callable[..., Tensor]


def over_axes(reduce: Callable[[Tensor, tuple[int, ...], bool], Tensor]) -> Reduction:
    """A reduction over some axes, or all; whole numbers stay whole."""

    def kernel(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
        return reduce(x, tuple(range(x.ndim)) if axes is None else tuple(axes), keep_dims).to(x.dtype)

    return kernel


def _product(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    for axis in axes:
        x = x.prod(dim=axis, keepdim=True)
    return x if keep else x.squeeze(axes)


def cumsum(x: Tensor, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    """The sum so far, with or without the element itself, from either end."""
    turned = x.flip(axis) if reverse else x
    total = turned.cumsum(axis).to(x.dtype)
    total = total - turned if exclusive else total
    return total.flip(axis) if reverse else total


def argmax(x: Tensor, axis: int = -1, keep_dims: bool = False) -> Tensor:
    """Where the largest is; of equals the first, as in ONNX, which MIL leaves open."""
    return x.argmax(dim=axis, keepdim=keep_dims).to(torch.int32)


def argmin(x: Tensor, axis: int = -1, keep_dims: bool = False) -> Tensor:
    """Where the smallest is; of equals the first, as in ONNX, which MIL leaves open."""
    return x.argmin(dim=axis, keepdim=keep_dims).to(torch.int32)


KERNELS: Mapping[str, Reduction] = {
    "cumsum": cumsum,
    "reduce_argmax": argmax,
    "reduce_argmin": argmin,
    "reduce_l1_norm": over_axes(lambda x, axes, keep: x.abs().sum(dim=axes, keepdim=keep)),
    "reduce_l2_norm": over_axes(lambda x, axes, keep: x.square().sum(dim=axes, keepdim=keep).sqrt()),
    "reduce_log_sum": over_axes(lambda x, axes, keep: x.sum(dim=axes, keepdim=keep).log()),
    "reduce_log_sum_exp": over_axes(lambda x, axes, keep: x.logsumexp(dim=axes, keepdim=keep)),
    "reduce_max": over_axes(lambda x, axes, keep: x.amax(dim=axes, keepdim=keep)),
    "reduce_mean": over_axes(lambda x, axes, keep: x.mean(dim=axes, keepdim=keep)),
    "reduce_min": over_axes(lambda x, axes, keep: x.amin(dim=axes, keepdim=keep)),
    "reduce_prod": over_axes(_product),
    "reduce_sum": over_axes(lambda x, axes, keep: x.sum(dim=axes, keepdim=keep)),
    "reduce_sum_square": over_axes(lambda x, axes, keep: x.square().sum(dim=axes, keepdim=keep)),
}
