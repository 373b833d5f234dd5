"""MIL's softmax and normalisations in torch."""

from collections.abc import Callable, Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor

Number = Tensor | float


def batch_norm(
    x: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None,
    epsilon: Number = 1e-5,
) -> Tensor:  # fmt: skip
    """With given statistics."""
    return F.batch_norm(x, mean, variance, gamma, beta, eps=float(epsilon))


def instance_norm(x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, epsilon: Number = 1e-5) -> Tensor:
    """Each channel of each image by itself."""
    return F.instance_norm(x, weight=gamma, bias=beta, eps=float(epsilon))


def l2_norm(x: Tensor, epsilon: Number = 1e-6) -> Tensor:
    """By the root of the sum of squares over the last three axes."""
    return x / (x.square().sum(dim=(-3, -2, -1), keepdim=True) + epsilon).sqrt()


def layer_norm(
    x: Tensor,
    axes: Sequence[int] | None = None,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: Number = 1e-5,
) -> Tensor:
    """Over any axes."""
    over = sorted(axis % x.ndim for axis in (range(x.ndim) if axes is None else axes))
    centred = x - x.mean(dim=over, keepdim=True)
    normalised = centred / (centred.square().mean(dim=over, keepdim=True) + epsilon).sqrt()
    shape = [size if axis in over else 1 for axis, size in enumerate(x.shape)]
    normalised = normalised if gamma is None else normalised * gamma.reshape(shape)
    return normalised if beta is None else normalised + beta.reshape(shape)


KERNELS: Mapping[str, Callable[..., Tensor]] = {
    "batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "l2_norm": l2_norm,
    "layer_norm": layer_norm,
    "softmax": lambda x, axis=-1: x.softmax(axis),
}
