"""Export: from a run's student to artefacts and their manifest."""

import tempfile
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from conversion.artefact import manifest
from conversion.artefact.kinds import DEFAULTS, EXPORTED, KINDS, SIMPLIFIED, ArtefactKind, select_kinds, size
from conversion.artefact.manifest import Artefact, Manifest
from conversion.quantisation.calibration import Calibration, from_run
from conversion.quantisation.variants import Inputs, Variants, variants
from conversion.source import graph, to_onnx
from conversion.source.graph import read_graph
from training.run import Run
from training.student import support
from training.student.checkpoint import Checkpoint, load_checkpoint
from training.student.claim import claim
from training.student.contract import Contract
from training.student.digest import sha256

_TIMED = 15
"""Inferences from which a speed-up is measured."""

CALIBRATED = {
    *(("tflite", precision) for precision in ("int8", "int16")),
    *(("coreml", precision) for precision in ("fp16", "w8", "p6", "p4")),
}
"""The artefacts that need calibration photos: integers for the ranges of tensors, Core ML's float16 for its audit."""


def export(
    checkpoint_path: Path,
    folder: Path,
    targets: tuple[str, ...] = (),
    precisions: tuple[str, ...] = DEFAULTS,
    calibration: Calibration | None = None,
) -> Manifest:
    """Convert a student to these targets, to all when none is named; other artefacts in `folder` stay listed.

    Args:
        checkpoint_path: The student's weights.
        folder: Where artefacts and manifest are written.
        targets: Of `artefact.TARGETS`.
        precisions: Of `artefact.PRECISIONS`.
        calibration: For int8 and int16; with it, float16 is audited for Core ML.

    Raises:
        BadInput: A target or precision is unknown, one that needs calibration has none, or the folder is in use.
        ConversionRefused: A target cannot express the student.
    """
    with claim(folder):
        return _export(checkpoint_path, folder, targets, precisions, calibration)


def _export(
    checkpoint_path: Path,
    folder: Path,
    targets: tuple[str, ...],
    precisions: tuple[str, ...],
    calibration: Calibration | None,
) -> Manifest:
    student = load_checkpoint(checkpoint_path)
    kinds = {name: kind for name, kind in select_kinds(targets, precisions).items() if kind.target != "onnx"}
    digest = sha256(checkpoint_path)
    result = Manifest(student.contract, digest, _earlier(folder, digest), manifest.versions())
    bar: tqdm[Any] = tqdm(total=2 + len(kinds), unit="artefact")
    with bar:
        for name, artefact in _to_onnx(student, folder, bar).items():
            result = result.with_artefact(name, artefact)
        source = read_graph(to_onnx.load(folder / SIMPLIFIED.file))
        inputs = calibration.inputs if calibration else ()
        made: dict[str, Variants] = {}
        for name, kind in kinds.items():
            bar.set_description(f"export {name}")
            if kind.target not in made:
                made[kind.target] = variants(kind.target, source, student.contract, inputs)
            artefact = write_artefact(made[kind.target], kind, folder / kind.file, calibration)
            result = result.with_artefact(name, artefact)
            bar.update()
        bar.set_description("export")
    manifest.write(result, folder)
    return result


def export_run(run: Run, targets: tuple[str, ...] = (), precisions: tuple[str, ...] = DEFAULTS) -> Manifest:
    """`export` into the run's own folder, calibrated on its photos where a precision needs that.

    Raises:
        BadInput: As `export`, or the run or its photos cannot be read.
        ConversionRefused: As `export`.
    """
    contract = load_checkpoint(run.checkpoint).contract
    kinds = select_kinds(targets, precisions).values()
    needs = any((kind.target, kind.precision) in CALIBRATED for kind in kinds)
    return export(run.checkpoint, run.export, targets, precisions, from_run(run, contract) if needs else None)


def as_text(listed: Manifest, folder: Path) -> str:
    """A line for each artefact that a manifest in `folder` lists."""
    lines = []
    for name, artefact in listed.artefacts.items():
        speed = f"  {artefact.speedup:.2f} times as fast as fp32" if artefact.speedup else ""
        where = folder / artefact.file
        lines.append(f"{where}  {artefact.bytes / 1e6:.2f} MB  {artefact.seconds:.1f} s  {name}{speed}")
    return "\n".join(lines)


def warnings(listed: Manifest, encoder: str) -> list[str]:
    """A line for each artefact in whose kind the encoder was seen to fail before."""
    known = support.read_support().get(encoder, {})
    return [
        f"{name}: this encoder was {known[name]}, when measured untrained; `verify` will judge"
        for name in listed.artefacts
        if name in known and known[name].status == "blocked"
    ]


def emit(
    source: graph.Graph, kind: ArtefactKind, path: Path, contract: Contract | None, inputs: Inputs = ()
) -> Artefact:
    """Convert a typed graph to one kind of artefact at `path`.

    Raises:
        BadInput: The kind needs calibration, and there are no `inputs`.
        ConversionRefused: The target cannot express the graph.
    """
    return _timed(variants(kind.target, source, contract, inputs), kind, path)


def write_artefact(
    made: Variants, kind: ArtefactKind, path: Path, calibration: Calibration | None, kept: Collection[str] = ()
) -> Artefact:
    """Write one kind of artefact to `path`, and give what the manifest says about it."""
    artefact = _timed(made, kind, path, kept)
    if calibration and (kind.target, kind.precision) in CALIBRATED:
        facts = {"photos": len(calibration.inputs), "sha256": calibration.sha256}
        artefact = replace(artefact, calibration=facts)
    if kind.target == "tflite" and kind.precision not in DEFAULTS:
        artefact = replace(artefact, speedup=_speedup(made, path))
    return artefact


def _timed(made: Variants, kind: ArtefactKind, path: Path, kept: Collection[str] = ()) -> Artefact:
    assert kind.precision != "exported"
    # The audit comes first, so that the measured time of the conversion does not include it.
    single = {risk.tensor: f"{risk.operator}: {risk.reason}" for risk in made.float16_risks(kind.precision)}
    started = time.perf_counter()
    partitions = made.write(kind.precision, path, kept)
    artefact = _artefact(kind, path, time.perf_counter() - started, partitions)
    return replace(artefact, kept=tuple(sorted(kept)), single=single)


def _speedup(made: Variants, path: Path) -> float:
    from conversion.latency import median_milliseconds

    with tempfile.TemporaryDirectory() as folder:
        single = Path(folder) / "fp32.tflite"
        made.write("fp32", single)
        before, after = median_milliseconds([single, path], runs=_TIMED)
    return round(before / after, 2)


def _to_onnx(student: Checkpoint, folder: Path, bar: "tqdm[Any]") -> dict[str, Artefact]:
    bar.set_description("export onnx")
    started = time.perf_counter()
    exported = to_onnx.export(student.student, student.contract, student.architecture.encoder)
    to_onnx.save(exported, folder / EXPORTED.file)
    raw = _artefact(EXPORTED, folder / EXPORTED.file, time.perf_counter() - started)
    bar.update()
    started = time.perf_counter()
    to_onnx.save(to_onnx.simplify(exported), folder / SIMPLIFIED.file)
    simplified = _artefact(SIMPLIFIED, folder / SIMPLIFIED.file, time.perf_counter() - started)
    bar.update()
    return {"onnx-exported": raw, "onnx": simplified}


def _artefact(kind: ArtefactKind, path: Path, seconds: float, partitions: int | None = None) -> Artefact:
    return Artefact(
        kind.target, kind.precision, path.name, sha256(path), size(path), round(seconds, 3), partitions=partitions
    )


def _earlier(folder: Path, checkpoint: str) -> dict[str, Artefact]:
    """The artefacts that an earlier export of the same student wrote and nobody changed."""
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
