"""Metadata inside an artefact: a description for people, and the contract for programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from training.student.contract import Contract

CONTRACT_KEY = "pocketmask.contract"
"""Every artefact stores its contract in its format's own metadata under this name."""

ENCODER_KEY = "pocketmask.encoder"
"""Likewise the name of its encoder, which is a row of docs/encoders.md."""


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What people read about one model, in the fields that its format has for that."""

    name: str
    description: str
    author: str
    version: str
    licence: str
    input: str
    """What the input must be; empty if that is not known."""
    output: str
    """What the output means, likewise."""


def read_contract(metadata: Mapping[str, str]) -> Contract | None:
    """The contract in an artefact's metadata; None if there is none.

    Raises:
        BadInput: What is stored under its name is no contract.
    """
    return Contract.from_json(metadata[CONTRACT_KEY]) if CONTRACT_KEY in metadata else None


def embedded_metadata(properties: Mapping[str, str], contract: Contract | None) -> dict[str, str]:
    """What an artefact stores for programs: its contract, and its encoder's name if its ONNX file has one."""
    known = {key: properties[key] for key in (ENCODER_KEY,) if key in properties}
    return known | ({CONTRACT_KEY: contract.to_json()} if contract else {})


def describe_model(properties: Mapping[str, str], contract: Contract | None) -> ModelDescription:
    """The description of a model: only what its ONNX file and its contract say.

    Args:
        properties: Of its ONNX file, where many exporters write author, version, license and description.
        contract: None if it is not known what goes in and comes out.
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
    return ModelDescription(
        name=properties.get("name", "Pocketmask" if contract else "Network"),
        description=properties.get("description", description),
        author=properties.get("author", "not stated"),
        version=properties.get("version", f"made with {maker}"),
        licence=properties.get("license", "not stated; ask whoever trained the model"),
        input=taken,
        output=given,
    )
