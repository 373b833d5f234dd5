"""Rehearsal: convert a recipe's untrained student, to find problems before an hour is spent on training."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from conversion.artefact.kinds import KINDS
from conversion.source import to_onnx
from conversion.source.graph import read_graph
from conversion.tflite.partitions import partitions
from training.recipe import Recipe
from training.student.errors import ConversionRefused
from training.student.network import Student
from training.student.normalisation import NEUTRAL
from training.student.support import refuse_blocked


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is known of a recipe before it is trained."""

    encoder: str
    megabytes: float
    """Size of the fp16 TFLite file."""
    milliseconds: float
    """Time of one inference in LiteRT, on one thread of this machine."""
    partitions: int
    """Number of partitions that XNNPACK makes of it."""

    def __str__(self) -> str:
        """One line."""
        pieces = "one XNNPACK partition" if self.partitions == 1 else f"{self.partitions} XNNPACK partitions"
        return (
            f"rehearsal: {self.encoder} converts to Core ML and TFLite, runs in {pieces}, "
            f"{self.megabytes:.1f} MB (fp16), {self.milliseconds:.1f} ms here on one thread"
        )


def rehearse(recipe: Recipe) -> Rehearsal:
    """Convert the recipe's untrained student to every phone artefact, and run the TFLite one.

    Raises:
        BadInput: The recipe's sizes, stride or encoder do not go together.
        ConversionRefused: A target cannot express the student, or XNNPACK would cut it into pieces.
    """
    from conversion.export.export import emit
    from conversion.latency import median_milliseconds

    refuse_blocked(recipe.encoder)
    contract = recipe.contract(("foreground",))
    student = Student(contract, recipe.architecture(NEUTRAL, NEUTRAL))
    source = read_graph(to_onnx.simplify(to_onnx.export(student, contract)))
    with tempfile.TemporaryDirectory() as folder:
        found = {
            name: emit(source, kind, Path(folder) / kind.file, contract)
            for name, kind in KINDS.items()
            if kind.target != "onnx" and kind.precision == "fp16"
        }
        path = Path(folder) / KINDS["tflite-fp16"].file
        if recipe.single_partition:
            refuse_pieces(path.read_bytes(), recipe.encoder)
        artefact = found["tflite-fp16"]
        assert artefact.partitions is not None
        (milliseconds,) = median_milliseconds([path], runs=10)
        return Rehearsal(recipe.encoder, artefact.bytes / 1e6, milliseconds, artefact.partitions)


def refuse_pieces(model: bytes, what: str) -> None:
    """Raise unless XNNPACK runs a TFLite model in one partition.

    Raises:
        ConversionRefused: It does not; the operators that it leaves out are named.
    """
    found = partitions(model)
    if not found.is_whole:
        outside = ", ".join(dict.fromkeys(found.outside))
        raise ConversionRefused(
            f"{what} would run in {found.count} XNNPACK partitions, since it leaves {outside} out; "
            "each border between them copies tensors and waits: choose another encoder or decoder, or accept it with "
            "single_partition=false"
        )
