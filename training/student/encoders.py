"""The encoders that a student may have.

`python -m conversion bench-encoders` measures how each converts, and writes support.json and docs/encoders.md.
docs/adding-an-encoder.md says how to add one: a row here, and that measurement.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from training.student.errors import BadInput
from training.student.width_multiplier import narrow

DEPTH = 5
"""Halvings of the resolution by a full encoder: its deepest features have stride 2 ** DEPTH."""


_SECONDS_TO_ANSWER = 5


@dataclass(frozen=True, slots=True)
class Encoder:
    """One encoder of segmentation_models_pytorch."""

    summary: str
    """What it is, in a few words; docs/encoders.md shows it."""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Further arguments of `get_encoder`."""


# TensorFlow's SAME padding needs no Pad operator on a phone, so it is used wherever timm can build it.
_SAME = MappingProxyType({"pad_type": "same"})

ENCODERS: Mapping[str, Encoder] = MappingProxyType(
    {
        # Made for phones.
        "mobilenet_v2": Encoder("MobileNetV2 of torchvision"),
        "tu-mobilenetv1_100": Encoder("MobileNetV1", _SAME),
        "tu-mobilenetv2_050": Encoder("MobileNetV2, half as wide", _SAME),
        "tu-mobilenetv2_100": Encoder("MobileNetV2", _SAME),
        "tu-mobilenetv2_140": Encoder("MobileNetV2, wider", _SAME),
        "tu-mobilenetv3_small_050": Encoder("MobileNetV3 small, half as wide", _SAME),
        "tu-mobilenetv3_small_075": Encoder("MobileNetV3 small, narrower", _SAME),
        "tu-mobilenetv3_small_100": Encoder("MobileNetV3 small", _SAME),
        "tu-mobilenetv3_large_075": Encoder("MobileNetV3 large, narrower", _SAME),
        "tu-mobilenetv3_large_100": Encoder("MobileNetV3 large", _SAME),
        "tu-mobilenetv4_conv_small": Encoder("MobileNetV4 small, convolutions alone", _SAME),
        "tu-mobilenetv4_conv_medium": Encoder("MobileNetV4 medium, convolutions alone", _SAME),
        "tu-mobilenetv4_hybrid_medium": Encoder("MobileNetV4 medium with attention", _SAME),
        "tu-efficientnet_lite0": Encoder("EfficientNet-Lite 0: no squeeze-and-excitation", _SAME),
        "tu-efficientnet_lite1": Encoder("EfficientNet-Lite 1", _SAME),
        "tu-efficientnet_b0": Encoder("EfficientNet B0 of timm", _SAME),
        "efficientnet-b0": Encoder("EfficientNet B0 of segmentation_models_pytorch"),
        "tu-mnasnet_small": Encoder("MnasNet small", _SAME),
        "tu-mnasnet_100": Encoder("MnasNet", _SAME),
        "tu-semnasnet_075": Encoder("MnasNet with squeeze-and-excitation, narrower", _SAME),
        "tu-semnasnet_100": Encoder("MnasNet with squeeze-and-excitation", _SAME),
        "tu-spnasnet_100": Encoder("Single-Path NAS", _SAME),
        "tu-fbnetc_100": Encoder("FBNet-C", _SAME),
        "tu-fbnetv3_b": Encoder("FBNetV3 B", _SAME),
        "tu-hardcorenas_a": Encoder("HardCoRe-NAS A", _SAME),
        "tu-lcnet_050": Encoder("PP-LCNet, half as wide", _SAME),
        "tu-lcnet_100": Encoder("PP-LCNet", _SAME),
        "tu-tinynet_d": Encoder("TinyNet D", _SAME),
        "tu-mixnet_s": Encoder("MixNet small", _SAME),
        "tu-ghostnet_100": Encoder("GhostNet"),
        "tu-ghostnetv2_100": Encoder("GhostNetV2"),
        "tu-rexnet_100": Encoder("ReXNet"),
        # Several branches in training, one convolution when exported.
        "mobileone_s0": Encoder("MobileOne S0 of segmentation_models_pytorch"),
        "mobileone_s1": Encoder("MobileOne S1 of segmentation_models_pytorch"),
        "tu-mobileone_s0": Encoder("MobileOne S0 of timm"),
        "tu-repvgg_a0": Encoder("RepVGG A0"),
        "tu-repghostnet_100": Encoder("RepGhostNet"),
        "tu-fastvit_t8": Encoder("FastViT T8: no features at stride 2"),
        "tu-repvit_m0_9": Encoder("RepViT M0.9: no features at stride 2"),
        # All-round.
        "resnet18": Encoder("ResNet 18"),
        "resnet34": Encoder("ResNet 34"),
        "resnet50": Encoder("ResNet 50"),
        "tu-regnetx_002": Encoder("RegNetX 200 MF"),
        "tu-regnety_002": Encoder("RegNetY 200 MF"),
        "tu-convnext_atto": Encoder("ConvNeXt Atto: no features at stride 2"),
        "tu-convnext_pico": Encoder("ConvNeXt Pico: no features at stride 2"),
        # Transformers.
        "mit_b0": Encoder("SegFormer's Mix Transformer B0: no features at stride 2"),
        "mit_b1": Encoder("SegFormer's Mix Transformer B1: no features at stride 2"),
        "tu-mobilevit_xxs": Encoder("MobileViT XXS"),
        "tu-efficientvit_b0": Encoder("EfficientViT B0: no features at stride 2"),
    }
)


def build(name: str, depth: int = DEPTH, width_multiplier: Sequence[float] = ()) -> nn.Module:
    """An untrained encoder: (N, 3, H, W) in, a list of depth + 1 feature maps out, strides 1 to 2 ** depth.

    Its `out_channels` lists their channels, the input's own 3 first; 0 where it has no features at a stride.

    Raises:
        BadInput: The name is not in the table, or the encoder has no layers that `width_multiplier` can narrow.
    """
    encoder = _get_encoder(name, depth, weights=None)
    if depth < DEPTH:
        _remove_unused_modules(encoder)
    narrow(encoder, width_multiplier)
    return encoder


def hub_normalisation(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std, of inputs scaled to [0, 1], that the hub's weights for this encoder were trained with.

    Raises:
        BadInput: The encoder is unknown, or they are neither cached nor to be had.
    """
    import segmentation_models_pytorch as smp

    _row(name)
    with _hub(name):
        settings = smp.encoders.get_preprocessing_params(name, pretrained="imagenet")
    return tuple(settings["mean"]), tuple(settings["std"])


def hub_weights(name: str) -> Mapping[str, Tensor]:
    """The hub's ImageNet weights for this encoder: downloaded, or from the local cache.

    Raises:
        BadInput: The encoder is unknown, or they are neither cached nor to be had.
    """
    _row(name)
    with _hub(name):
        # timm has one set of weights a name, torchvision's encoders several.
        pretrained = _get_encoder(name, DEPTH, weights=True if name.startswith("tu-") else "imagenet")
    weights: Mapping[str, Tensor] = pretrained.state_dict()
    return weights


def _row(name: str) -> Encoder:
    if name not in ENCODERS:
        raise BadInput(f"unknown encoder '{name}'; expected one of {', '.join(ENCODERS)}")
    return ENCODERS[name]


def _get_encoder(name: str, depth: int, weights: str | bool | None) -> nn.Module:
    import segmentation_models_pytorch as smp

    encoder = smp.encoders.get_encoder(name, in_channels=3, depth=depth, weights=weights, **_row(name).options)
    assert isinstance(encoder, nn.Module)
    return encoder


class _PassThrough(nn.Module):
    """In the place of a removed module: returns its first input."""

    def forward(self, x: Tensor, *_: object) -> Tensor:
        """`x` itself."""
        return x


def _remove_unused_modules(encoder: nn.Module) -> None:
    """Remove the modules that no feature depends on: libraries drop deep features, but still compute them."""
    features = encoder.eval()(torch.zeros(1, 3, 2**DEPTH * 2, 2**DEPTH * 2))
    parameters = list(encoder.parameters())
    gradients = torch.autograd.grad([one.sum() for one in features if one.requires_grad], parameters, allow_unused=True)
    used = {id(one) for one, gradient in zip(parameters, gradients, strict=True) if gradient is not None}

    def empty(module: nn.Module) -> None:
        for name, child in module.named_children():
            own = {id(one) for one in child.parameters()}
            if own and not own & used:
                setattr(module, name, _PassThrough())
            else:
                empty(child)

    empty(encoder)
    encoder.train()


@contextmanager
def _hub(name: str) -> Iterator[None]:
    """Turn any error of the hub's client into one that says what to do; offline, read the cache without retries."""
    from huggingface_hub import constants, get_session

    was_offline = constants.HF_HUB_OFFLINE
    try:
        try:
            get_session().head(constants.ENDPOINT, timeout=_SECONDS_TO_ANSWER)
        except Exception:
            # The client would retry for half a minute, file by file. Its own switch is an environment variable.
            constants.HF_HUB_OFFLINE = True
        yield
    except Exception as error:  # a dozen kinds, and all mean the same here
        raise BadInput(
            f"cannot get the hub's weights for {name} ({type(error).__name__}); go online once, or download them "
            "elsewhere and pass encoder_weights=FILE.safetensors encoder_mean=… encoder_std=…, "
            "or train from scratch with encoder_weights=none"
        ) from error
    finally:
        constants.HF_HUB_OFFLINE = was_offline
