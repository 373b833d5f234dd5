"""What a Core ML package says of itself: to Core ML, to people, and to Xcode's preview."""

import colorsys
import json
from collections.abc import Mapping
from typing import Any

from conversion.artefact.metadata import describe_model, read_contract
from training.student.contract import Contract

PREVIEW = "com.apple.coreml.model.preview"
"""Xcode draws a segmentation over a dropped photo where the metadata has these keys: `.type` and `.params`."""

IMAGE_DESCRIPTION = "RGB image, handed on as numbers from 0 to 255"
"""For a model without a contract."""


def describe(function: Any, *, image: bool, metadata: Mapping[str, str], properties: Mapping[str, str]) -> Any:
    """The description of a package, as protobuf.

    Args:
        function: The program's `main`, of coremltools.
        image: Whether the only input is an RGB image; otherwise inputs are arrays.
        metadata: User-defined. With a contract among them, the package also says what goes in and comes out.
        properties: Of the ONNX file, whose author, version and licence are kept.
    """
    from coremltools.proto import Model_pb2

    contract = read_contract(metadata)
    said = describe_model(properties, contract)
    inputs = function.inputs.items()
    described = Model_pb2.ModelDescription(
        input=[
            _picture(name, variable, said.input or IMAGE_DESCRIPTION) if image else _array(name, variable, said.input)
            for name, variable in inputs
        ],
        output=[_array(variable.name, variable, said.output) for variable in function.outputs],
    )
    described.metadata.shortDescription = said.description
    described.metadata.author = said.author
    described.metadata.versionString = said.version
    described.metadata.license = said.licence
    described.metadata.userDefined.update(metadata)
    if contract is not None:
        described.metadata.userDefined.update(_preview(contract))
    return described


def _preview(contract: Contract) -> dict[str, str]:
    classes = contract.classes
    params = {"labels": list(classes), "colors": [_colour(i / len(classes)) for i in range(len(classes))]}
    return {f"{PREVIEW}.type": "imageSegmenter", f"{PREVIEW}.params": json.dumps(params)}


def _colour(hue: float) -> str:
    channels = colorsys.hsv_to_rgb(hue, 0.8, 0.9)
    return "#" + "".join(f"{round(255 * channel):02X}" for channel in channels)


def _array(name: str, variable: Any, text: str) -> Any:
    from coremltools.proto import FeatureTypes_pb2, Model_pb2

    arrays = FeatureTypes_pb2.ArrayFeatureType
    element = arrays.FLOAT32 if variable.is_tensor_or_scalar_of(dtype="fp32") else arrays.INT32
    kind = FeatureTypes_pb2.FeatureType(multiArrayType=arrays(shape=variable.shape, dataType=element))
    return Model_pb2.FeatureDescription(name=name, type=kind, shortDescription=text)


def _picture(name: str, variable: Any, text: str) -> Any:
    from coremltools.proto import FeatureTypes_pb2, Model_pb2

    *_, height, width = variable.shape
    images = FeatureTypes_pb2.ImageFeatureType
    kind = FeatureTypes_pb2.FeatureType(imageType=images(height=height, width=width, colorSpace=images.RGB))
    return Model_pb2.FeatureDescription(name=name, type=kind, shortDescription=text)
