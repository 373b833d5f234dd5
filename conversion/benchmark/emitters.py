"""The time and peak memory of the emitters, for a network that is already a typed graph."""

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx.parser

from conversion.artefact.kinds import DEFAULTS, KINDS, ArtefactKind
from conversion.quantisation.variants import variants
from conversion.runtimes.memory import peak_bytes, reset_peak
from conversion.source import to_onnx
from conversion.source.graph import read_graph
from training.student.baseline import baseline_unet
from training.student.contract import Contract
from training.student.orphans import end_with_parent

HEADER = f"{'first':>7} {'again':>7} {'memory':>15}"

_TINY = """<ir_version: 8, opset_import: ["" : 18]>
tiny (float[1, 3, 8, 8] image) => (float[1, 3, 8, 8] logits) { logits = Relu (image) }"""


@dataclass(frozen=True, slots=True)
class Emission:
    """Time and memory of emitting one kind of artefact, as the first in its process and then again."""

    kind: ArtefactKind
    first: float
    """Seconds until the file is on disk, without imports."""
    again: float
    """The same for the second file of the process."""
    memory: float | None
    """Peak memory above that of the loaded graph, divided by the size of the weights; None if it is not measured."""

    def __str__(self) -> str:
        """One line under `HEADER`."""
        memory = "not measured" if self.memory is None else f"{self.memory:.2f} × weights"
        return f"{self.first:5.2f} s {self.again:5.2f} s {memory:>15}  {self.kind.target} {self.kind.precision}"


TIMED = tuple(kind for kind in KINDS.values() if kind.target != "onnx" and kind.precision in DEFAULTS)


def measure_emitters(model: Path | None, kinds: Sequence[ArtefactKind] = TIMED, side: int = 256) -> Iterator[Emission]:
    """Emit each kind of artefact in a process of its own.

    Args:
        model: An ONNX file with fixed shapes; None: the usual network, untrained.
        kinds: Of artefacts.
        side: Of the usual network's input, in pixels.

    Raises:
        BadInput: The file cannot be read.
        ConversionRefused: A target cannot express it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = model or Path(folder) / "usual.onnx"
        if model is None:
            contract = Contract(side, side, 1, ("foreground",))
            to_onnx.save(to_onnx.simplify(to_onnx.export(baseline_unet(contract), contract)), path)
        context = multiprocessing.get_context("spawn")
        for kind in kinds:
            # One task per process: memory left by an earlier task would hide this one's peak.
            with context.Pool(1, end_with_parent, maxtasksperchild=1) as pool:
                yield Emission(kind, *pool.apply(_emit, (path, kind, Path(folder))))


def _emit(path: Path, kind: ArtefactKind, folder: Path) -> tuple[float, float, float | None]:
    source = read_graph(to_onnx.load(path))
    weights = sum(constant.nbytes for constant in source.constants.values())
    assert kind.precision != "exported"
    # Imports happen here, so that they are not measured below.
    variants(kind.target, read_graph(onnx.parser.parse_model(_TINY))).write(kind.precision, folder / kind.file)
    seconds, memory = [], None
    for turn in range(2):
        made = variants(kind.target, source)
        before = reset_peak()
        started = time.perf_counter()
        made.write(kind.precision, folder / f"{turn}-{kind.file}")
        seconds.append(time.perf_counter() - started)
        if turn == 0 and before is not None:
            memory = (peak_bytes() - before) / weights
    return seconds[0], seconds[1], memory
