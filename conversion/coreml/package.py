"""The .mlpackage folder: reading what may be damaged, writing the same bytes for the same model."""

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from conversion.coreml.toolbox import load_coremltools
from training.student.bounded_read import brief, read_bytes, read_json
from training.student.errors import BadInput, one_line

SPECIFICATION = "com.apple.CoreML/model.mlmodel"
WEIGHTS = "com.apple.CoreML/weights"
"""Below `Data`, as coremltools lays packages out."""

_MOST_BYTES = 2**31
"""Of a specification; protobuf reads no larger ones."""


def read_specification(path: Path) -> Any:
    """The protobuf specification of a package.

    Raises:
        BadInput: There is no package at `path`, or it is damaged.
    """
    if not path.is_dir():
        raise BadInput(f"no Core ML package at {path}; a .mlpackage is a folder")
    load_coremltools()
    from coremltools.proto import Model_pb2

    # Not by coremltools' own reader: that rewrites Manifest.json, so that reading a package changed its digest.
    try:
        manifest = read_json(path / "Manifest.json", "convert the model again")
        item = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"]
        file = (path / "Data" / item).resolve()
        if not file.is_relative_to((path / "Data").resolve()):
            raise ValueError(f"its manifest names {brief(item)}, which lies outside it")
        specification = Model_pb2.Model()
        specification.ParseFromString(read_bytes(file, "convert the model again", _MOST_BYTES))
        return specification
    except BadInput:
        raise
    # Nobody documents what protobuf raises on damaged files, and a manifest can be wrong in every way.
    except Exception as error:
        raise BadInput(
            f"{path} is no readable Core ML package ({brief(one_line(error))}); convert the model again"
        ) from error


def read_program(path: Path, version: int | None = None) -> tuple[Any, Any]:
    """The specification and the MIL program of a package, weights included.

    Args:
        path: Of the package.
        version: Of the specification to read the program by, for passes that need a newer one than it has.

    Raises:
        BadInput: There is no package at `path`, it is damaged, or it holds no ML program.
    """
    specification = read_specification(path)
    if (kind := specification.WhichOneof("Type")) != "mlProgram":
        raise BadInput(f"{path} holds a {kind or 'model of no type'}; expected an mlProgram, as convert writes it")
    load_coremltools()
    from coremltools.converters.mil.frontend.milproto.load import load

    try:
        program = load(
            specification,
            specification_version=version or specification.specificationVersion,
            file_weights_dir=str(path / "Data" / WEIGHTS),
        )
    except Exception as error:
        raise BadInput(f"the program in {path} cannot be read ({one_line(error)}); convert the model again") from error
    return specification, program


def read_metadata(path: Path) -> dict[str, str]:
    """The user-defined metadata of a package.

    Raises:
        BadInput: There is no package at `path`, or it is damaged.
    """
    return dict(read_specification(path).description.metadata.userDefined)


VERSION = 6
"""Of the specification: iOS 15."""


def write(program: Any, path: Path, description: Any, version: int = VERSION) -> None:
    """Write a MIL program as a package that depends on nothing but the program and its description.

    Laid out as coremltools does it, except that it gives a package its date, random identifiers and protobuf maps in
    any order; here there is no date, identifiers follow from the content and maps are sorted.

    Args:
        program: Of coremltools, with a function `main`.
        path: Of the package, which does not exist yet.
        description: As `description.describe` gives it.
        version: Of the specification.
    """
    from coremltools.proto import Model_pb2

    (path / "Data" / WEIGHTS).mkdir(parents=True)
    specification = Model_pb2.Model(
        specificationVersion=version,
        description=description,
        mlProgram=_serialised(program, path / "Data" / WEIGHTS, version),
    )
    (path / "Data" / SPECIFICATION).write_bytes(specification.SerializeToString(deterministic=True))
    _write_manifest(path)


def _serialised(program: Any, weights: Path, version: int) -> Any:
    """The program as protobuf, its larger constants in a file beside it, which is complete when this returns."""
    from coremltools.converters.mil.backend.mil.load import MILProtoExporter

    return MILProtoExporter(program, str(weights), version).export()


def _write_manifest(path: Path) -> None:
    entries = {
        _identifier(path / "Data" / item, item): {
            "author": "com.apple.CoreML",
            "description": f"CoreML Model {what}",
            "name": Path(item).name,
            "path": item,
        }
        for item, what in ((SPECIFICATION, "Specification"), (WEIGHTS, "Weights"))
    }
    root = next(identifier for identifier, entry in entries.items() if entry["path"] == SPECIFICATION)
    manifest = {"fileFormatVersion": "1.0.0", "itemInfoEntries": entries, "rootModelIdentifier": root}
    (path / "Manifest.json").write_text(json.dumps(manifest, indent=4, sort_keys=True), encoding="utf-8")


def _identifier(item: Path, name: str) -> str:
    digest = hashlib.sha256()
    for file in sorted(item.rglob("*")) if item.is_dir() else [item]:
        digest.update(file.read_bytes())
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}:{digest.hexdigest()}"))
