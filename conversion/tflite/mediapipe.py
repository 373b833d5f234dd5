"""What MediaPipe Tasks' ImageSegmenter wants to find in a TFLite file, made from our contract.

Tables, slots and numbers are those of MediaPipe's metadata_schema.fbs and image_segmenter_metadata_schema.fbs. Its
segmenter stretches a photo to the input, hands it on as `(pixel - mean) / std`, and upsamples what the activation
makes of the output: our contract with mean 0, std 1 and the activation that belongs to logits.
"""

import io
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

from conversion.artefact.metadata import ModelDescription
from conversion.tflite.flatbuffer import Schema
from training.student.contract import Contract

ENTRY = "TFLITE_METADATA"
"""The name under which the file's own list of metadata has it."""
LABELS = "labels.txt"
"""One class name a line, in a ZIP archive behind the flatbuffer."""

_IDENTIFIER = b"M001"
_SEGMENTER = "SEGMENTER_METADATA"
_SEGMENTER_IDENTIFIER = b"V001"
# The first version of the schema that has custom metadata, the newest thing that is used here.
_MIN_PARSER_VERSION = "1.5.0"

_RGB, _GREY = 1, 2
_TENSOR_AXIS_LABELS = 2
ACTIVATIONS = ("none", "sigmoid", "softmax")

SCHEMA = Schema(
    tables={
        "ModelMetadata": {
            "name": "text",
            "description": "text",
            "version": "text",
            "subgraph_metadata": "[SubGraphMetadata]",
            "author": "text",
            "license": "text",
            "associated_files": "[AssociatedFile]",
            "min_parser_version": "text",
        },
        "SubGraphMetadata": {
            "name": "text",
            "description": "text",
            "input_tensor_metadata": "[TensorMetadata]",
            "output_tensor_metadata": "[TensorMetadata]",
            "associated_files": "[AssociatedFile]",
            "input_process_units": "[ProcessUnit]",
            "output_process_units": "[ProcessUnit]",
            "input_tensor_groups": "[TensorGroup]",
            "output_tensor_groups": "[TensorGroup]",
            "custom_metadata": "[CustomMetadata]",
        },
        "TensorMetadata": {
            "name": "text",
            "description": "text",
            "dimension_names": "[text]",
            "content": "Content",
            "process_units": "[ProcessUnit]",
            "stats": "Stats",
            "associated_files": "[AssociatedFile]",
        },
        "AssociatedFile": {"name": "text", "description": "text", "type": "byte"},
        "Content": {"properties": "ContentProperties", "range": "ValueRange"},
        "FeatureProperties": {},
        "ImageProperties": {"color_space": "byte"},
        "ValueRange": {"min": "uint", "max": "uint"},
        "ProcessUnit": {"options": "ProcessUnitOptions"},
        "NormalizationOptions": {"mean": "[float]", "std": "[float]"},
        "Stats": {"max": "[float]", "min": "[float]"},
        "TensorGroup": {"name": "text", "tensor_names": "[text]"},
        "CustomMetadata": {"name": "text", "data": "bytes"},
        "ImageSegmenterOptions": {"activation": "byte", "min_parser_version": "text"},
    },
    unions={
        "ContentProperties": ("FeatureProperties", "ImageProperties"),
        "ProcessUnitOptions": ("NormalizationOptions",),
    },
)
"""As far as segmentation needs it: later fields and members may be left out of a flatbuffer's schema."""


def metadata(contract: Contract, about: ModelDescription) -> bytes:
    """The entry `ENTRY` of a TFLite file: what MediaPipe must do before and after the model."""
    labels = {"name": LABELS, "description": "the class of each channel", "type": _TENSOR_AXIS_LABELS}
    image = {
        "name": "image",
        "description": about.input,
        "content": {"properties": ("ImageProperties", {"color_space": _RGB})},
        "process_units": [{"options": ("NormalizationOptions", {"mean": [0.0], "std": [1.0]})}],
        "stats": {"max": [255.0], "min": [0.0]},
    }
    logits = {
        "name": "logits",
        "description": about.output,
        # Of (N, H, W, C), the axes that make up a picture.
        "content": {"properties": ("ImageProperties", {"color_space": _GREY}), "range": {"min": 1, "max": 2}},
        "associated_files": [labels],
    }
    options = {"activation": ACTIVATIONS.index("sigmoid" if contract.is_binary else "softmax")}
    segmenter = SCHEMA.pack("ImageSegmenterOptions", {**options, "min_parser_version": "1.0.0"}, _SEGMENTER_IDENTIFIER)
    model = {
        "name": about.name,
        "description": about.description,
        "version": about.version,
        "author": about.author,
        "license": about.licence,
        "subgraph_metadata": [
            {
                "input_tensor_metadata": [image],
                "output_tensor_metadata": [logits],
                "custom_metadata": [{"name": _SEGMENTER, "data": segmenter}],
            }
        ],
        "min_parser_version": _MIN_PARSER_VERSION,
    }
    return SCHEMA.pack("ModelMetadata", model, _IDENTIFIER)


def with_labels(model: bytes, classes: Sequence[str]) -> bytes:
    """A finished TFLite file with its class names, if any, appended as an archive, which runtimes do not see."""
    if not classes:
        return model
    file = io.BytesIO(model)
    # A fixed date, so that the same model gives the same bytes; stored, so that MediaPipe can map it.
    entry = zipfile.ZipInfo(LABELS, date_time=(1980, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(entry, "\n".join(classes) + "\n")
    return file.getvalue()


def read_metadata(data: bytes) -> dict[str, Any]:
    """The entry `ENTRY` of anybody's TFLite file as plain Python, its segmenter options unpacked.

    Raises:
        BadInput: It is damaged, or no such metadata.
    """
    found = SCHEMA.unpack("ModelMetadata", data, _IDENTIFIER)
    for subgraph in found.get("subgraph_metadata", []):
        for custom in subgraph.get("custom_metadata", []):
            if custom.get("name") == _SEGMENTER:
                custom["data"] = SCHEMA.unpack("ImageSegmenterOptions", custom["data"], _SEGMENTER_IDENTIFIER)
    return found


def labels(model: bytes) -> list[str]:
    """The class names in the archive behind a TFLite file; none where there is no such archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            return archive.read(LABELS).decode().splitlines()
    # What Python's reader raises where there is none, or a damaged one.
    except (zipfile.BadZipFile, KeyError, ValueError, RuntimeError, OSError, EOFError, zlib.error):
        return []
