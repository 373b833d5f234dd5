"""Weights of the classes in the BCE, so that rare classes are not drowned by common ones."""

from collections.abc import Collection

import torch
from torch import Tensor

from training.data.census import Census


def class_weights(census: Census, train: Collection[str], strength: float) -> Tensor:
    """(classes,) weights, background first for a binary student.

    The median of all classes' shares of the pixels over a class's own, to the power of `strength`: 0 leaves all alike,
    1 is the median frequency balancing of Eigen and Fergus, Predicting Depth, Surface Normals and Semantic Labels
    (2015). Scaled so that an average pixel counts 1. A class that no mask shows gets the weight of the rarest shown.

    Args:
        census: Of the masks.
        train: Names of the pairs to count.
        strength: From 0 to 1.
    """
    counts = torch.stack([torch.from_numpy(census.counts[name]) for name in train]).sum(dim=0).double()
    shares = counts / counts.sum()
    shares = torch.where(shares > 0, shares, shares[shares > 0].min())
    weights = (shares.median() / shares) ** strength
    return (weights / (weights * counts).sum() * counts.sum()).float()
