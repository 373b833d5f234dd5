"""Parameter groups of the optimiser: an encoder with weights learns more slowly, its first stages most slowly."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from training.recipe import Recipe
from training.student.encoders import DEPTH


def parameter_groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Every parameter once, as torch's optimisers take them: `params`, `lr` and `weight_decay`.

    Normalisation and biases have no weight decay. Without encoder weights all have one learning rate.
    """
    encoder = pretrained_encoder(network, recipe)
    shares = _shares(encoder, recipe) if encoder is not None else {}
    found: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        found.setdefault((shares.get(id(parameter), 1.0), parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": recipe.learning_rate * share,
            "weight_decay": recipe.weight_decay if decays else 0.0,
        }
        for (share, decays), parameters in found.items()
    ]


def pretrained_encoder(network: nn.Module, recipe: Recipe) -> nn.Module | None:
    """The encoder, if it has pretrained weights; else None."""
    return getattr(network, "encoder", None) if recipe.encoder_weights != "none" else None


def _shares(encoder: nn.Module, recipe: Recipe) -> dict[int, float]:
    """Share of the learning rate by `id` of the encoder's parameters."""
    if recipe.encoder_decay == 1:
        return {id(parameter): recipe.encoder_rate for parameter in encoder.parameters()}
    stages = _stages(encoder)
    deepest = max(stages.values())
    return {one: recipe.encoder_rate * recipe.encoder_decay ** (deepest - stage) for one, stage in stages.items()}


def _stages(encoder: nn.Module) -> dict[int, int]:
    """Index of the first feature map that each parameter influences, from 1, by the parameter's `id`.

    Found by autograd, since every family of encoders names its layers in its own way.
    """
    left = list(encoder.parameters())
    side = 2 ** (DEPTH + 1)
    with _in_inference(encoder), torch.enable_grad():
        features: list[Tensor] = encoder(torch.zeros(1, 3, side, side, device=left[0].device))
        stages = {id(parameter): len(features) - 1 for parameter in left}
        for stage, feature in enumerate(features):
            if feature.requires_grad:
                gradients = torch.autograd.grad(feature.sum(), left, retain_graph=True, allow_unused=True)
                reached = {id(one) for one, gradient in zip(left, gradients, strict=True) if gradient is not None}
                stages |= dict.fromkeys(reached, stage)
                left = [parameter for parameter in left if id(parameter) not in reached]
    return stages


@contextmanager
def _in_inference(network: nn.Module) -> Iterator[None]:
    """Run the block in evaluation mode, which does not change the statistics of normalisation."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)
