"""The .mlpackage folder: reading what may be damaged, writing the same bytes for the same model."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conversion.coreml.toolbox import load_coremltools
from training.student.errors import BadInput

SPECIFICATION = "com.apple.CoreML/model.mlmodel"
WEIGHTS = "com.apple.CoreML/weights"
"""Below `Data`, as coremltools lays packages out."""

IMAGE_DESCRIPTION = "RGB photo stretched to this size; raw 0 to 255, normalised inside the model"
LOGITS_DESCRIPTION = "scores before any activation, (1, classes, rows, columns)"


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
        manifest = json.loads((path / "Manifest.json").read_text(encoding="utf-8"))
        item = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"]
        file = (path / "Data" / item).resolve()
        if not file.is_relative_to((path / "Data").resolve()):
            raise ValueError(f"its manifest names {item}, which lies outside it")
        specification = Model_pb2.Model()
        specification.ParseFromString(file.read_bytes())
        return specification
    # Nobody documents what protobuf raises on damaged files, and a manifest can be wrong in every way.
    except Exception as error:
        raise BadInput(f"{path} is no readable Core ML package ({_brief(error)}); convert the model again") from error


def read_program(path: Path) -> tuple[Any, Any]:
    """The specification and the MIL program of a package, weights included.

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
            specification_version=specification.specificationVersion,
            file_weights_dir=str(path / "Data" / WEIGHTS),
        )
    except Exception as error:
        raise BadInput(f"the program in {path} cannot be read ({_brief(error)}); convert the model again") from error
    return specification, program


def read_metadata(path: Path) -> dict[str, str]:
    """The user-defined metadata of a package.

    Raises:
        BadInput: There is no package at `path`, or it is damaged.
    """
    return dict(read_specification(path).description.metadata.userDefined)


def save(model: Any, path: Path, *, metadata: Mapping[str, str]) -> None:
    """Write coremltools' model as a package that depends on nothing but the model and `metadata`.

    coremltools gives a package its date, random identifiers and protobuf maps in any order; here the date is left
    out, identifiers follow from the content and maps are sorted.
    """
    model.save(str(path))
    specification = model.get_spec()
    described = specification.description
    described.input[0].shortDescription = IMAGE_DESCRIPTION
    for output in described.output:
        output.shortDescription = LOGITS_DESCRIPTION
    user_defined = described.metadata.userDefined
    for key in _TRANSIENT:
        user_defined.pop(key, None)
    user_defined.update(metadata)
    (path / "Data" / SPECIFICATION).write_bytes(specification.SerializeToString(deterministic=True))
    _stabilise_manifest(path)


_TRANSIENT = ("com.github.apple.coremltools.conversion_date", "com.github.apple.coremltools.source")


def _stabilise_manifest(path: Path) -> None:
    file = path / "Manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    identifiers = {
        old: _identifier(path / "Data" / entry["path"], entry["path"])
        for old, entry in manifest["itemInfoEntries"].items()
    }
    manifest["itemInfoEntries"] = {identifiers[old]: entry for old, entry in manifest["itemInfoEntries"].items()}
    manifest["rootModelIdentifier"] = identifiers[manifest["rootModelIdentifier"]]
    file.write_text(json.dumps(manifest, indent=4, sort_keys=True), encoding="utf-8")


def _identifier(item: Path, name: str) -> str:
    digest = hashlib.sha256()
    for file in sorted(item.rglob("*")) if item.is_dir() else [item]:
        digest.update(file.read_bytes())
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}:{digest.hexdigest()}"))


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
