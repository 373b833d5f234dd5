"""How long artefacts take, always as a ratio within one run: machines are shared, and milliseconds drift."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from conversion import manifest
from conversion.artefact import Kind
from conversion.export import emit
from conversion.source import graph, to_onnx
from conversion.tflite.interpreter import open_interpreter
from training.student.baseline import usual_network
from training.student.contract import Contract


def milliseconds(paths: Sequence[Path], *, runs: int) -> list[float]:
    """The median time of one inference of each TFLite file, by LiteRT on one thread; the files take turns."""
    interpreters = []
    rng = np.random.default_rng(0)
    for path in paths:
        interpreter = open_interpreter(path.read_bytes())
        entry = interpreter.get_input_details()[0]
        interpreter.set_tensor(entry["index"], (rng.random(entry["shape"]) * 255).astype(entry["dtype"]))
        interpreter.invoke()
        interpreters.append(interpreter)
    times: list[list[float]] = [[] for _ in paths]
    for _ in range(runs):
        for interpreter, own in zip(interpreters, times, strict=True):
            started = time.perf_counter()
            interpreter.invoke()
            own.append((time.perf_counter() - started) * 1e3)
    return [float(np.median(own)) for own in times]


def bench(export: Path, runs: int) -> str:
    """A table: this run's TFLite artefacts, and smp.Unet as its tutorial builds it, converted by our own emitter."""
    listed = manifest.read(export)
    contract = listed.contract
    rows = [
        (artefact.file, export / artefact.file) for artefact in listed.artefacts.values() if artefact.target == "tflite"
    ]
    with tempfile.TemporaryDirectory() as folder:
        usual = Path(folder) / "usual.tflite"
        whole = Contract(contract.height, contract.width, 1, contract.classes)
        source = graph.read(to_onnx.simplify(to_onnx.export(usual_network(whole), whole)))
        artefact = emit(source, Kind("tflite", "fp32", usual.name), usual, whole)
        rows.append((f'smp.Unet("mobilenet_v2"), XNNPACK partitions: {artefact.partitions}', usual))
        times = milliseconds([path for _, path in rows], runs=runs)
        slowest = times[-1]
        lines = [f"{'ms (median)':>12} {'times faster':>13}  LiteRT, one thread, {contract.height} × {contract.width}"]
        lines += [f"{ms:12.1f} {slowest / ms:13.2f}  {name}" for (name, _), ms in zip(rows, times, strict=True)]
    return "\n".join(lines)
