"""The contents of any Core ML package."""

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conversion.artefact.contents import Contents, Tensor
from conversion.coreml import package
from training.student.bounded_read import open_file
from training.student.errors import BadInput, one_line


def read_contents(path: Path) -> Contents:
    """The contents of a .mlpackage.

    Raises:
        BadInput: There is no package at `path`, or its specification or weights are damaged.
    """
    specification = package.read_specification(path)
    kind = specification.WhichOneof("Type") or "model of no type"
    described = specification.description
    operators: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    try:
        for operation in _operations(specification) if kind == "mlProgram" else ():
            if operation.type != "const":
                operators[operation.type] += 1
            for value in (*operation.attributes.values(), *_immediate(operation)):
                if size := _stored(value, path):
                    weights[_type(value)] += size
    except (OSError, struct.error, ValueError, OverflowError) as error:
        raise BadInput(f"the weights of {path} are damaged ({one_line(error)}); convert the model again") from error
    if kind.startswith("neuralNetwork"):
        operators.update(layer.WhichOneof("layer") or "unknown" for layer in getattr(specification, kind).layers)
    metadata = {
        name: getattr(described.metadata, name)
        for name in ("shortDescription", "author", "versionString", "license")
        if getattr(described.metadata, name)
    }
    for entry in (*described.input, *described.output):
        if entry.shortDescription:
            metadata[entry.name] = entry.shortDescription
    return Contents(
        format=f"Core ML {kind}, specification {specification.specificationVersion}",
        inputs=[_described(entry) for entry in described.input],
        outputs=[_described(entry) for entry in described.output],
        operators=dict(operators),
        weights=dict(weights),
        metadata={**metadata, **described.metadata.userDefined},
    )


def _operations(specification: Any) -> Iterator[Any]:
    """All of a program, those of nested blocks included."""
    functions = specification.mlProgram.functions.values()
    blocks = [block for function in functions for block in function.block_specializations.values()]
    while blocks:
        for operation in blocks.pop().operations:
            yield operation
            blocks.extend(operation.blocks)


def _immediate(operation: Any) -> Iterator[Any]:
    return (binding.value for argument in operation.inputs.values() for binding in argument.arguments)


# Before each constant in the weights' file: a mark, its type, its bytes and where they begin.
_HEADER = struct.Struct("<IIQQ")
_MARK = 0xDEADBEEF


def _stored(value: Any, path: Path) -> int:
    """The bytes of a constant of real or compressed numbers; 0 for parameters of operators."""
    if value.WhichOneof("value") == "blobFileValue":
        file = path / "Data" / package.WEIGHTS / Path(value.blobFileValue.fileName).name
        with open_file(file) as weights:
            weights.seek(value.blobFileValue.offset)
            mark, _, size, start = _HEADER.unpack(weights.read(_HEADER.size))
        if mark != _MARK or start + size > file.stat().st_size:
            raise ValueError(f"no constant of {file.name} begins at byte {value.blobFileValue.offset}")
        return int(size)
    tensor = value.immediateValue.tensor
    return 4 * len(tensor.floats.values) + len(tensor.bytes.values)


def _type(value: Any) -> str:
    from coremltools.proto import MIL_pb2

    return _name(MIL_pb2.DataType, value.type.tensorType.dataType).lower()


def _name(enumeration: Any, number: int) -> str:
    """Its name; protobuf takes numbers that have none."""
    names: dict[int, str] = {value: name for name, value in enumeration.items()}
    return names.get(number, f"unknown {number}")


def _described(entry: Any) -> Tensor:
    from coremltools.proto import FeatureTypes_pb2

    kind = entry.type.WhichOneof("Type")
    if kind == "imageType":
        image = entry.type.imageType
        colour = _name(FeatureTypes_pb2.ImageFeatureType.ColorSpace, image.colorSpace)
        return Tensor(entry.name, (image.height, image.width), f"image {colour}")
    if kind == "multiArrayType":
        array = entry.type.multiArrayType
        element = _name(FeatureTypes_pb2.ArrayFeatureType.ArrayDataType, array.dataType)
        return Tensor(entry.name, tuple(array.shape), element.lower())
    return Tensor(entry.name, (), kind.removesuffix("Type") if kind else "nothing")
