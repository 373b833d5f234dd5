"""The benchmark of a run: size, accuracy, time and memory of each artefact, with all files timed in turns."""

import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from conversion.artefact import manifest
from conversion.artefact.kinds import SIMPLIFIED, ArtefactKind, size
from conversion.artefact.manifest import Manifest
from conversion.export.export import emit
from conversion.gate import parity
from conversion.gate.parity import Parity
from conversion.latency import RUNTIME, Latency, open_timed, operator_shares, peak_megabytes, time_in_turns
from conversion.runtimes.isolated import IsolatedModel
from conversion.source import to_onnx
from conversion.source.graph import read_graph
from training.run import Run
from training.student.atomic_write import write_json
from training.student.baseline import baseline_unet
from training.student.bounded_read import read_json_as
from training.student.contract import Contract
from training.student.digest import sha256

USUAL = 'smp.Unet("mobilenet_v2")'


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """The figures of one file."""

    name: str
    sha256: str
    megabytes: float
    one: Latency | None
    """On one thread; None if this machine cannot time it."""
    all: Latency | None
    """On all cores."""
    peak: float | None
    """Peak memory in MB that opening and running it adds to a process."""
    pieces: int | None
    """TFLite: XNNPACK's partitions plus the operators that it leaves out; 1 means that all runs in one piece."""
    iou: float | None = None
    """Mean IoU with the teacher masks, from `verify`; for this run's artefacts."""
    loss: float | None = None
    """The trained student's IoU minus this."""
    psnr: float | None = None
    flips: float | None = None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One run of the benchmark."""

    machine: str
    cores: int
    rows: tuple[BenchmarkRow, ...]
    shares: dict[str, float]
    """The share of the student's time in ONNX Runtime, by kind of operator."""


def measure_artefacts(run: Run, others: Sequence[Path], runs: int) -> Benchmark:
    """Time the run's artefacts, other files, and the baseline UNet in turns, and measure their size and memory.

    Args:
        run: An exported run; accuracy is empty unless it is verified too.
        others: .tflite or .onnx files.
        runs: Timed inferences of each file and number of threads.

    Raises:
        BadInput: Nothing was exported, or a file cannot be opened.
    """
    listed = manifest.read(run.export)
    verdict = parity.read(run.parity / "parity.json") if (run.parity / "parity.json").is_file() else None
    # Before the usual UNet is made, which takes ten seconds.
    for path in others:
        open_timed(path, threads=1)
    own = {
        name: run.export / artefact.file
        for name, artefact in listed.artefacts.items()
        if artefact.target != "onnx" or artefact.file == SIMPLIFIED.file
    }
    with tempfile.TemporaryDirectory() as folder:
        usual = _emitted_usual(listed, Path(folder))
        files = [*sorted(own.values(), key=lambda path: path.suffix != ".tflite"), *others, usual]
        timed = [path for path in files if path.suffix in RUNTIME]
        cores = os.cpu_count() or 1
        times = {}
        for threads in (1, cores):
            inferences = [open_timed(path, threads=threads).milliseconds for path in timed]
            times[threads] = dict(zip(timed, time_in_turns(inferences, runs=runs), strict=True))
        rows = []
        for path in tqdm(files, "weigh", unit="file", leave=False, disable=None):
            name = next((name for name, file in own.items() if file == path), "")
            pieces = _pieces(path) if path.suffix == ".tflite" else None
            rows.append(
                BenchmarkRow(
                    name=USUAL if path == usual else path.name,
                    sha256=sha256(path),
                    megabytes=size(path) / 1e6,
                    one=times[1].get(path),
                    all=times[cores].get(path),
                    peak=peak_megabytes(path) if path in timed else None,
                    pieces=pieces,
                    **_accuracy(name, verdict),
                )
            )
    return Benchmark(_machine(), cores, tuple(rows), operator_shares(run.export / SIMPLIFIED.file))


def write(found: Benchmark, run: Run) -> None:
    """Write it to the run's folder, where the report finds it."""
    write_json(run.bench, asdict(found))


def read(run: Run) -> Benchmark | None:
    """The benchmark in the run's folder; None if there is none.

    Raises:
        BadInput: It is damaged.
    """
    if not run.bench.is_file():
        return None
    return read_json_as(Benchmark, run.bench, "run `make bench` again")


def as_text(found: Benchmark) -> str:
    """A table for a terminal, one line per file."""
    first = found.rows[0].one
    columns: dict[str, Callable[[BenchmarkRow], str]] = {
        "file": lambda row: row.name,
        "MB": lambda row: _number(row.megabytes, 2),
        "IoU": lambda row: _number(row.iou, 4),
        "loss": lambda row: _number(row.loss, 4),
        "dB": lambda row: _number(row.psnr, 0),
        "flips": lambda row: "" if row.flips is None else f"{row.flips:.3%}",
        "ms": lambda row: _number(row.one.p50 if row.one else None, 1),
        "p90": lambda row: _number(row.one.p90 if row.one else None, 1),
        "times": lambda row: _number(row.one.p50 / first.p50 if row.one and first else None, 2),
        f"ms, {found.cores}": lambda row: _number(row.all.p50 if row.all else None, 1),
        f"p90, {found.cores}": lambda row: _number(row.all.p90 if row.all else None, 1),
        "peak MB": lambda row: _number(row.peak, 0),
        "pieces": lambda row: _number(row.pieces, 0),
    }
    table = [list(columns), *([text(row) for text in columns.values()] for row in found.rows)]
    wide = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join([line[0].ljust(wide[0]), *map(str.rjust, line[1:], wide[1:])]).rstrip() for line in table]
    work = ", ".join(f"{kind} {share:.0%}" for kind, share in found.shares.items() if share >= 0.005)
    return "\n".join(
        [
            *lines,
            f"ms: median and 90th percentile of one inference on one thread, then on {found.cores}; {found.machine}",
            f"time by operator, ONNX Runtime, one thread: {work}",
        ]
    )


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _accuracy(name: str, verdict: Parity | None) -> dict[str, float]:
    """IoU, loss, PSNR and flips of an artefact, as far as `verify` has measured them."""
    if verdict is None or name not in verdict.teacher_iou:
        return {}
    iou = verdict.teacher_iou[name]
    drift = verdict.drifts.get(name)
    found = {"psnr": drift.psnr, "flips": drift.flips} if drift else {}
    return {"iou": iou, "loss": verdict.teacher_iou["torch"] - iou, **found}


def _pieces(path: Path) -> int:
    found = IsolatedModel("litert", path).tell("partitions")
    return int(found["count"]) + len(found["outside"])


def _emitted_usual(listed: Manifest, folder: Path) -> Path:
    """The usual UNet at this student's size, by our own emitter."""
    path = folder / "usual.tflite"
    whole = Contract(listed.contract.height, listed.contract.width, 1, listed.contract.classes)
    source = read_graph(to_onnx.simplify(to_onnx.export(baseline_unet(whole), whole)))
    emit(source, ArtefactKind("tflite", "fp32", path.name), path, whole)
    return path


def _machine() -> str:
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8").splitlines() if cpu.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{(names or [platform.processor() or platform.machine()])[0]}, {platform.system()}"
