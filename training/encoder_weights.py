"""Pretrained weights of an encoder, and the normalisation that belongs to them."""

from pathlib import Path

import timm
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from training.recipe import Recipe
from training.student import encoders
from training.student.baseline import BaselineUNet
from training.student.errors import BadInput
from training.student.network import Student
from training.student.normalisation import NEUTRAL
from training.student.width_multiplier import narrow


def normalisation(recipe: Recipe) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std per RGB channel of inputs scaled to [0, 1], to go into the graph.

    Raises:
        BadInput: Weights come from a file, and the recipe does not say what they were trained with. Guessing would
            cost accuracy without a sign of it.
    """
    mean, std = _triple(recipe.encoder_mean), _triple(recipe.encoder_std)
    if mean and std:
        return mean, std
    if recipe.encoder_weights == "none":
        return mean or NEUTRAL, std or NEUTRAL
    if recipe.encoder_weights == "hub":
        usual_mean, usual_std = encoders.hub_normalisation(recipe.encoder)
        return mean or usual_mean, std or usual_std
    raise BadInput(
        f"encoder_weights={recipe.encoder_weights} needs encoder_mean and encoder_std, of inputs scaled to [0, 1]: "
        "0.5 and 0.5 for weights ported from TensorFlow, [0.485,0.456,0.406] and [0.229,0.224,0.225] for most"
    )


def _triple(value: tuple[float, float, float] | float | None) -> tuple[float, float, float] | None:
    return (value, value, value) if isinstance(value, float) else value


def load_encoder_weights(student: Student, recipe: Recipe) -> None:
    """Load the weights that the recipe names into the student's encoder; `none` leaves it as it was initialised.

    Raises:
        BadInput: The file or the hub does not have them, or they are another network's.
    """
    source = recipe.encoder_weights
    if source == "none":
        return
    weights = encoders.hub_weights(recipe.encoder) if source == "hub" else _from_file(Path(source))
    # The weights decide which channels a narrower encoder keeps.
    full = encoders.build(recipe.encoder, recipe.depth)
    own = full.state_dict()
    # timm's own files lack the prefix under which segmentation_models_pytorch wraps its networks.
    found = {name: weights.get(name, weights.get(name.removeprefix("model."))) for name in own}
    missing = [name for name, value in found.items() if value is None and not name.endswith("num_batches_tracked")]
    odd = [name for name, value in found.items() if value is not None and value.shape != own[name].shape]
    if missing or odd:
        raise BadInput(
            f"encoder_weights={source} does not fit encoder {recipe.encoder}: {len(missing)} of its {len(own)} tensors "
            f"are missing and {len(odd)} have another shape, the first is {(missing + odd)[0]}"
        )
    full.load_state_dict({name: own[name] if value is None else value for name, value in found.items()})
    narrow(full, recipe.width_multiplier)
    student.encoder.load_state_dict(full.state_dict())


def load_baseline_encoder_weights(usual: BaselineUNet, recipe: Recipe) -> None:
    """Load the same weights into the baseline's encoder, which is the same network with other names.

    Raises:
        BadInput: The file's weights are those of another encoder.
    """
    source = recipe.encoder_weights
    own = usual.encoder.state_dict()
    if source == "none":
        return
    if source == "hub":
        usual.encoder.load_state_dict(encoders.hub_weights("mobilenet_v2"))
        return
    weights = _from_file(Path(source))
    # timm and torchvision list the layers of MobileNetV2 in the same order, and name them differently.
    names = [name for name in timm.create_model("mobilenetv2_100").state_dict() if not name.startswith("classifier")]
    if any(name not in weights or weights[name].shape != own[its].shape for name, its in zip(names, own, strict=True)):
        raise BadInput(
            f"encoder_weights={source} are not those of timm's mobilenetv2_100, which the usual UNet could start from "
            "as well; for a fair comparison say encoder_weights=none"
        )
    usual.encoder.load_state_dict({its: weights[name] for name, its in zip(names, own, strict=True)})


def _from_file(path: Path) -> dict[str, Tensor]:
    if path.suffix != ".safetensors":
        raise BadInput(f"encoder_weights={path} must be none, hub or a .safetensors file; other formats can run code")
    try:
        return load_file(str(path))
    except (SafetensorError, OSError) as error:
        raise BadInput(f"encoder_weights={path} cannot be read: {error}") from error
