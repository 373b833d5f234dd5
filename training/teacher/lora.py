"""LoRA on query and value of a SAM's image encoder; everything else is frozen. `adapt` trains and saves it.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021; on query and value alone, as in the paper.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.student.atomic_write import atomic_path
from training.teacher.protocol import UnusableTeacher
from training.teacher.weights import Weights, first_line

_SCHEMA = "1"


class SplitQkv(nn.Module):
    """SAM's fused qkv projection, split so that query and value can be trained and key stays frozen."""

    def __init__(self, fused: nn.Linear) -> None:
        super().__init__()
        self.query, self.key, self.value = (_linear(*part) for part in zip(*_thirds(fused), strict=True))

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., channels) to (..., 3 × channels), as the fused projection."""
        return torch.cat([self.query(hidden), self.key(hidden), self.value(hidden)], dim=-1)


def add_lora(network: Any, rank: int) -> list[nn.Parameter]:
    """Freeze a SAM and add LoRA of that rank to query and value of its image encoder; it starts at zero.

    Returns:
        The trainable parameters: those of LoRA.
    """
    from peft import LoraConfig, inject_adapter_in_model

    network.requires_grad_(False)
    encoder = network.vision_encoder
    for owner, fused in _fused(encoder):
        owner.qkv = SplitQkv(fused)
    # alpha = rank: a scale of 1, so that ranks can be compared at one learning rate.
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=["query", "value"]), encoder)
    return [parameter for parameter in encoder.parameters() if parameter.requires_grad]


def merge_lora(network: Any) -> None:
    """Merge LoRA into the weights and fuse qkv again: the network is an ordinary SAM again, and as fast."""
    for owner in [
        module for module in network.vision_encoder.modules() if isinstance(getattr(module, "qkv", 0), SplitQkv)
    ]:
        parts = []
        for part in (owner.qkv.query, owner.qkv.key, owner.qkv.value):
            if hasattr(part, "merge"):
                part.merge()
            parts.append(getattr(part, "base_layer", part))
        bias = None if parts[0].bias is None else torch.cat([part.bias for part in parts])
        owner.qkv = _linear(torch.cat([part.weight for part in parts]), bias)


def save_adapter(path: Path, network: Any, weights: Weights, rank: int, facts: dict[str, Any]) -> None:
    """Write the LoRA weights alone (a few megabytes), with the base weights' digest and further facts as metadata.

    Raises:
        BadInput: The file cannot be written.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    state = {
        name: value.contiguous().cpu() for name, value in get_peft_model_state_dict(network.vision_encoder).items()
    }
    metadata = {"schema": _SCHEMA, "rank": str(rank), "kind": weights.model_type, "base": _base(weights)}
    with atomic_path(path) as temporary:
        save_file(state, temporary, metadata | {"facts": json.dumps(facts), "origin": weights.origin})


def load_adapter(path: Path, network: Any, weights: Weights) -> None:
    """Load an adapter file into a freshly loaded network and merge it.

    Raises:
        UnusableTeacher: The file is missing, damaged or not an adapter, or was trained on other weights.
    """
    from peft import set_peft_model_state_dict
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UnusableTeacher(f"adapter {path} cannot be read: {first_line(error)}") from error
    if metadata.get("schema") != _SCHEMA:
        raise UnusableTeacher(f"{path} is not an adapter of schema {_SCHEMA}; expected a file that `adapt` wrote")
    if metadata["base"] != _base(weights):
        raise UnusableTeacher(
            f"adapter {path} was trained on {metadata['origin']}, not on {weights.origin}; "
            "use those weights, or run `adapt` on these"
        )
    add_lora(network, int(metadata["rank"]))
    report: Any = set_peft_model_state_dict(network.vision_encoder, state)
    if report.unexpected_keys or any("lora_" in name for name in report.missing_keys):
        raise UnusableTeacher(
            f"adapter {path} does not hold LoRA weights for a {weights.model_type}; run `adapt` again"
        )
    merge_lora(network)


def _base(weights: Weights) -> str:
    """SHA-256 of the weights that LoRA is added to."""
    files = {name: digest for name, digest in weights.record().items() if name.endswith(".safetensors")}
    return " ".join(files[name] for name in sorted(files))


def _fused(encoder: nn.Module) -> list[tuple[Any, nn.Linear]]:
    found = [(owner, getattr(owner, "qkv", None)) for owner in encoder.modules()]
    return [(owner, fused) for owner, fused in found if isinstance(fused, nn.Linear)]


def _thirds(fused: nn.Linear) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]:
    return fused.weight.chunk(3), (None, None, None) if fused.bias is None else fused.bias.chunk(3)


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device=weight.device, dtype=weight.dtype)
    made.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    if bias is not None:
        made.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
    return made
