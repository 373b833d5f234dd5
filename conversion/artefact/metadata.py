"""What an artefact says of itself to people, in whatever fields its format has for that."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from training.student.contract import Contract

CONTRACT_KEY = "pocketmask.contract"
"""Under this name every artefact carries its contract, in its format's own metadata."""

ENCODER_KEY = "pocketmask.encoder"
"""Likewise the name of its encoder, a row of the support table."""


@dataclass(frozen=True, slots=True)
class About:
    """Of one model."""

    name: str
    description: str
    author: str
    version: str
    licence: str
    input: str
    """What its input takes; empty where that is not known."""
    output: str
    """What its output gives, likewise."""


def read_contract(metadata: Mapping[str, str]) -> Contract | None:
    """The contract among an artefact's metadata, None where there is none.

    Raises:
        BadInput: There is something else under its name.
    """
    return Contract.from_json(metadata[CONTRACT_KEY]) if CONTRACT_KEY in metadata else None


def carried(properties: Mapping[str, str], contract: Contract | None) -> dict[str, str]:
    """What an artefact carries for programs: its contract, and its encoder where its ONNX file names one."""
    known = {key: properties[key] for key in (ENCODER_KEY,) if key in properties}
    return known | ({CONTRACT_KEY: contract.to_json()} if contract else {})


def about(properties: Mapping[str, str], contract: Contract | None) -> About:
    """What is known of a model, and nothing else.

    Args:
        properties: Of its ONNX file, where many exporters write author, version, license and description.
        contract: None where nothing is known of what goes in and comes out.
    """
    maker = f"Pocketmask {version('pocketmask')}"
    description, taken, given = f"Converted from ONNX with {maker}", "", ""
    if contract is not None:
        classes = ", ".join(contract.classes)
        decision = f"foreground above {contract.threshold:g}" if contract.is_binary else "the largest channel decides"
        description = f"Segments photos: {classes}"
        taken = (
            f"upright RGB photo, stretched to {contract.height} × {contract.width} (rows × columns); "
            "raw 0 to 255, normalised inside the model"
        )
        given = (
            f"scores of {classes} before any activation, one for {contract.stride} × {contract.stride} pixels of the "
            f"input; upsample them bilinearly to the photo's size, then {decision}"
        )
    return About(
        name=properties.get("name", "Pocketmask" if contract else "Network"),
        description=properties.get("description", description),
        author=properties.get("author", "not stated"),
        version=properties.get("version", f"made with {maker}"),
        licence=properties.get("license", "not stated; ask whoever trained the model"),
        input=taken,
        output=given,
    )
