"""The width multiplier of an encoder: each inverted residual keeps the hidden channels with the largest weights.

ImageNet weights exist for few widths. Dropping hidden channels leaves the number of channels of the feature maps as it
is, so that the other layers can use their weights (Li et al., Pruning Filters for Efficient ConvNets, 2017).
"""

from collections.abc import Sequence

from torch import Tensor, nn

from training.student.errors import BadInput

_STEP = 8
"""Numbers of channels are multiples of this: phones compute channels in groups of 8."""


def narrow(encoder: nn.Module, width_multiplier: Sequence[float]) -> None:
    """Drop hidden channels of an encoder, in place.

    Args:
        encoder: As segmentation_models_pytorch wraps one of timm's.
        width_multiplier: Share of the hidden channels that each stage keeps, from the first stage; stages beyond the
            last share stay as they are.

    Raises:
        BadInput: The encoder has no inverted residuals.
    """
    from timm.models._efficientnet_blocks import InvertedResidual

    if not width_multiplier:
        return
    stages: list[list[InvertedResidual]] = [
        [block for block in stage.modules() if isinstance(block, InvertedResidual)]
        for stage in getattr(getattr(encoder, "model", encoder), "blocks", [])
    ]
    if not any(stages):
        raise BadInput(
            "width_multiplier narrows the inverted residuals of timm's encoders, and this one has none; "
            "leave width_multiplier out"
        )
    for blocks, share in zip(stages, width_multiplier, strict=False):
        for block in blocks:
            hidden = block.conv_pw.out_channels
            wanted = max(_STEP, round(hidden * share / _STEP) * _STEP)
            if wanted < hidden:
                _keep_channels(block, _strongest(block, wanted))


def _strongest(block: nn.Module, count: int) -> Tensor:
    """Indices, ascending, of the `count` hidden channels with the largest weights in the block's projection."""
    projection, normalisation = block.get_submodule("conv_pwl"), block.get_submodule("bn2")
    taken = projection.get_parameter("weight").detach().abs().sum(dim=(0, 2, 3))
    return (taken * normalisation.get_parameter("weight").detach().abs()).topk(count).indices.sort().values


# What holds hidden channels in an inverted residual, and along which dimension of its weights.
_OUT, _IN = 0, 1
_HOLDERS = (
    ("conv_pw", _OUT),
    ("bn1", _OUT),
    ("conv_dw", _OUT),
    ("bn2", _OUT),
    ("se.conv_reduce", _IN),
    ("se.conv_expand", _OUT),
    ("conv_pwl", _IN),
)


def _keep_channels(block: nn.Module, kept: Tensor) -> None:
    for name, dimension in _HOLDERS:
        try:
            module = block.get_submodule(name)
        except AttributeError:  # not every block has squeeze-and-excitation
            continue
        for key, value in list(module.named_parameters(recurse=False)):
            if dimension == _OUT or value.ndim > 1:
                setattr(module, key, nn.Parameter(value.detach().index_select(dimension, kept)))
        for key, statistic in list(module.named_buffers(recurse=False)):
            if statistic.ndim:
                setattr(module, key, statistic.index_select(0, kept))
        if isinstance(module, nn.Conv2d):
            module.out_channels = module.weight.shape[0]
            module.groups = len(kept) if module.groups > 1 else 1
            module.in_channels = module.weight.shape[1] * module.groups
        elif isinstance(module, nn.BatchNorm2d):
            module.num_features = len(kept)
