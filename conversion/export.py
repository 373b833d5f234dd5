"""From a run's student to artefacts and their manifest."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tqdm import tqdm

from conversion import graph, manifest, to_onnx
from conversion.about import CONTRACT_KEY
from conversion.artefact import EXPORTED, KINDS, SIMPLIFIED, Kind, Precision, kinds_of, sha256, size
from conversion.manifest import Artefact, Manifest
from conversion.rounding import with_kept_sums
from training.student import checkpoint as checkpoints
from training.student.aside import written_aside
from training.student.checkpoint import Checkpoint
from training.student.contract import Contract


def export(checkpoint_path: Path, folder: Path, targets: tuple[str, ...] = ()) -> Manifest:
    """Convert a student to these targets, all when none is named; what else lies in `folder` stays listed.

    Raises:
        ConversionRefused: A target cannot express the student.
    """
    student = checkpoints.load(checkpoint_path)
    kinds = kinds_of(targets)
    digest = sha256(checkpoint_path)
    found = _earlier(folder, digest)
    result = Manifest(student.contract, digest, found, manifest.versions())
    bar: tqdm[Any] = tqdm(total=2 + len([kind for kind in kinds.values() if kind.target != "onnx"]), unit="artefact")
    with bar:
        for name, artefact in _to_onnx(student, folder, bar).items():
            result = result.with_artefact(name, artefact)
        source = graph.read(to_onnx.load(folder / SIMPLIFIED.file))
        for name, kind in kinds.items():
            if kind.target != "onnx":
                bar.set_description(f"export {name}")
                result = result.with_artefact(name, emit(source, kind, folder / kind.file, student.contract))
                bar.update()
        bar.set_description("export")
    manifest.write(result, folder)
    return result


def emit(source: graph.Graph, kind: Kind, path: Path, contract: Contract | None) -> Artefact:
    """Convert a typed graph to one kind of artefact at `path`.

    Raises:
        ConversionRefused: The target cannot express the graph.
    """
    if kind.precision == "fp16":
        source = with_kept_sums(source)
    metadata = {CONTRACT_KEY: contract.to_json()} if contract else {}
    assert kind.precision != "exported"
    write = _EMITTERS[kind.target]()
    started = time.perf_counter()
    partitions = write(source, kind.precision, path, metadata)
    return _artefact(kind, path, time.perf_counter() - started, partitions)


Emit = Callable[[graph.Graph, Precision, Path, Mapping[str, str]], int | None]
"""Write a typed graph to a path, with metadata; the number of partitions where the target has such a thing."""


def _coreml() -> Emit:
    from conversion.coreml.emitter import emit as emit_package
    from conversion.coreml.toolbox import load_coremltools

    load_coremltools()

    def write(source: graph.Graph, precision: Precision, path: Path, metadata: Mapping[str, str]) -> None:
        emit_package(source, path, precision=precision, metadata=metadata)

    return write


def _tflite() -> Emit:
    from conversion.tflite.emitter import emit as emit_flatbuffer
    from conversion.tflite.partitions import partitions

    def write(source: graph.Graph, precision: Precision, path: Path, metadata: Mapping[str, str]) -> int:
        model = emit_flatbuffer(source, precision=precision, metadata=metadata)
        with written_aside(path) as temporary:
            temporary.write_bytes(model)
        return partitions(model).count

    return write


# Each imports what its target needs, so that a conversion's time is its own.
_EMITTERS: Mapping[str, Callable[[], Emit]] = MappingProxyType({"coreml": _coreml, "tflite": _tflite})


def _to_onnx(student: Checkpoint, folder: Path, bar: "tqdm[Any]") -> dict[str, Artefact]:
    bar.set_description("export onnx")
    started = time.perf_counter()
    exported = to_onnx.export(student.student, student.contract)
    to_onnx.save(exported, folder / EXPORTED.file)
    raw = _artefact(EXPORTED, folder / EXPORTED.file, time.perf_counter() - started)
    bar.update()
    started = time.perf_counter()
    to_onnx.save(to_onnx.simplify(exported), folder / SIMPLIFIED.file)
    simplified = _artefact(SIMPLIFIED, folder / SIMPLIFIED.file, time.perf_counter() - started)
    bar.update()
    return {"onnx-exported": raw, "onnx": simplified}


def _artefact(kind: Kind, path: Path, seconds: float, partitions: int | None = None) -> Artefact:
    return Artefact(
        kind.target, kind.precision, path.name, sha256(path), size(path), round(seconds, 3), partitions=partitions
    )


def _earlier(folder: Path, checkpoint: str) -> dict[str, Artefact]:
    """What an earlier export of the same student left intact."""
    if not (folder / manifest.FILE).is_file():
        return {}
    found = manifest.read(folder)
    if found.checkpoint != checkpoint:
        return {}
    return {
        name: artefact
        for name, artefact in found.artefacts.items()
        if name in KINDS and (folder / artefact.file).exists() and sha256(folder / artefact.file) == artefact.sha256
    }
