"""The manifest of an export folder: its artefacts, what they were made from, and whether they passed the gate."""

import json
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from training.student.atomic_write import write_text
from training.student.bounded_read import brief, read_json_as
from training.student.contract import Contract
from training.student.digest import sha256
from training.student.errors import BadInput

SCHEMA = 1
FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class Artefact:
    """One converted file or package."""

    target: str
    precision: str
    file: str
    """Its name beside the manifest."""
    sha256: str
    bytes: int
    seconds: float
    """How long its conversion took."""
    gate: str = "unverified"
    """`unverified`, `passed` or `breached`: what the parity check last said of these very bytes."""
    partitions: int | None = None
    """TFLite: the number of partitions that XNNPACK makes; 1 means that the whole graph runs in one piece."""
    calibration: dict[str, Any] | None = None
    """If ranges were measured on calibration photos: the number of `photos`, and a `sha256` over them."""
    kept: tuple[str, ...] = ()
    """Layers that stay in higher precision than the rest."""
    single: dict[str, str] = field(default_factory=dict)
    """Core ML in float16: tensors whose operators stay float32, with the operator and what float16 would do to it."""
    speedup: float | None = None
    """TFLite in integers: how many times as fast as fp32 in LiteRT on one thread, both timed in turns."""


@dataclass(frozen=True, slots=True)
class _Record:
    """The JSON file."""

    schema: int
    contract: dict[str, Any]
    checkpoint: str
    artefacts: dict[str, Artefact]
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The artefacts of one export folder."""

    contract: Contract
    checkpoint: str
    """sha256 of the student's weights."""
    artefacts: dict[str, Artefact]
    versions: dict[str, str] = field(default_factory=dict)

    def path_of(self, name: str, folder: Path) -> Path:
        """The path of an artefact, after checking that it is the one listed.

        Raises:
            BadInput: It is missing, or its SHA-256 is not the listed one.
        """
        path = folder / self.artefacts[name].file
        if not path.exists() or sha256(path) != self.artefacts[name].sha256:
            raise BadInput(f"{path} is not the artefact that the manifest lists as {name}; export again")
        return path

    def with_artefact(self, name: str, artefact: Artefact) -> "Manifest":
        """The same with one artefact added or replaced."""
        return replace(self, artefacts={**self.artefacts, name: artefact})


def versions() -> dict[str, str]:
    """The versions of all libraries that take part in a conversion."""
    names = ("torch", "onnx", "onnxscript", "onnxsim", "onnxruntime", "coremltools", "ai-edge-litert")
    return {name: version(name) for name in (*names, "ai-edge-quantizer", "numpy")}


def as_record(manifest: Manifest) -> dict[str, Any]:
    """What its file holds."""
    return {
        "schema": SCHEMA,
        "contract": json.loads(manifest.contract.to_json()),
        "checkpoint": manifest.checkpoint,
        "artefacts": {name: asdict(artefact) for name, artefact in manifest.artefacts.items()},
        "versions": manifest.versions,
    }


def write(manifest: Manifest, folder: Path) -> None:
    """Write it beside the artefacts, in one step."""
    write_text(folder / FILE, json.dumps(as_record(manifest), indent=1) + "\n")


def read(folder: Path) -> Manifest:
    """The manifest of an export folder.

    Raises:
        BadInput: There is none, it is damaged or of another schema, or a path in it leaves the folder.
    """
    path = folder / FILE
    if not path.is_file():
        raise BadInput(
            f"nothing has been exported to {folder}; do so with `make export-coreml` or `make export-tflite`"
        )
    record = read_json_as(_Record, path, "export again")
    if record.schema != SCHEMA:
        raise BadInput(f"{path} has schema {record.schema}, this version reads {SCHEMA}")
    contract = Contract.from_plain(record.contract, f"the contract in {path}")
    for artefact in record.artefacts.values():
        if Path(artefact.file).name != artefact.file or artefact.file in ("", ".."):
            raise BadInput(f"{path} names {brief(repr(artefact.file))}, which is not a file beside it")
    return Manifest(contract, record.checkpoint, record.artefacts, record.versions)
