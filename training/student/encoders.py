"""The encoders that a student may have: each is known to convert and to run in one XNNPACK partition.

The table is a claim; parity_tests/test_encoders.py converts and runs every row to hold it true. Adding an encoder
is adding a row.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from training.student.errors import BadInput

DEPTH = 5
"""Halvings of the resolution: the deepest features have stride 2 ** DEPTH."""


_SECONDS_TO_ANSWER = 5


@dataclass(frozen=True, slots=True)
class Encoder:
    """How segmentation_models_pytorch is asked for one encoder."""

    summary: str
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    blocked: str = ""
    """Why it is refused, and what to take instead; empty where it runs."""


# TF-SAME padding needs no Pad operator on a phone, so it is asked for wherever timm can build it.
_SAME = MappingProxyType({"pad_type": "same"})

ENCODERS: Mapping[str, Encoder] = MappingProxyType(
    {
        "mobilenet_v2": Encoder("MobileNetV2 of torchvision"),
        "tu-mobilenetv2_050": Encoder("MobileNetV2, half as wide", _SAME),
        "tu-mobilenetv2_100": Encoder("MobileNetV2 of timm", _SAME),
        "tu-mobilenetv3_small_100": Encoder("MobileNetV3 small", _SAME),
        "tu-mobilenetv3_large_100": Encoder("MobileNetV3 large", _SAME),
        "tu-efficientnet_lite0": Encoder("EfficientNet-Lite 0: no squeeze-and-excitation", _SAME),
        "resnet18": Encoder("ResNet 18"),
        "resnet34": Encoder("ResNet 34"),
    }
)


def build(name: str) -> nn.Module:
    """An untrained encoder: (N, 3, H, W) in, a list of DEPTH + 1 feature maps out, strides 1 to 2 ** DEPTH.

    Its `out_channels` lists their channels, the input's own 3 first.

    Raises:
        BadInput: The name is not in the table, or its row says why it is blocked.
    """
    return _asked_for(name, weights=None)


def hub_normalisation(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std, of inputs scaled to [0, 1], that the hub's weights for this encoder were trained with.

    Raises:
        BadInput: The encoder cannot be built, or they are neither cached nor to be had.
    """
    import segmentation_models_pytorch as smp

    _row(name)
    with _hub(name):
        settings = smp.encoders.get_preprocessing_params(name, pretrained="imagenet")
    return tuple(settings["mean"]), tuple(settings["std"])


def hub_weights(name: str) -> Mapping[str, Tensor]:
    """The hub's ImageNet weights for this encoder: downloaded, or from the local cache.

    Raises:
        BadInput: The encoder cannot be built, or they are neither cached nor to be had.
    """
    _row(name)
    with _hub(name):
        # timm has one set of weights a name, torchvision's encoders several.
        pretrained = _asked_for(name, weights=True if name.startswith("tu-") else "imagenet")
    weights: Mapping[str, Tensor] = pretrained.state_dict()
    return weights


def _row(name: str) -> Encoder:
    if name not in ENCODERS:
        raise BadInput(f"unknown encoder '{name}'; expected one of {', '.join(ENCODERS)}")
    if ENCODERS[name].blocked:
        raise BadInput(f"encoder '{name}' is blocked: {ENCODERS[name].blocked}")
    return ENCODERS[name]


def _asked_for(name: str, weights: str | bool | None) -> nn.Module:
    import segmentation_models_pytorch as smp

    encoder = smp.encoders.get_encoder(name, in_channels=3, depth=DEPTH, weights=weights, **_row(name).options)
    assert isinstance(encoder, nn.Module)
    return encoder


@contextmanager
def _hub(name: str) -> Iterator[None]:
    """Whatever the hub's client raises within, says what to do; without a network at once and from the cache."""
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
