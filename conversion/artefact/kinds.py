"""The kinds of artefact: one file or package per target and precision, and its name in an export folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from training.student.errors import BadInput

Precision = Literal["fp32", "fp16", "w8", "int8", "int16", "p6", "p4"]
"""How weights are stored, and what is computed in:

* fp32, fp16: both alike.
* w8: weights in int8. TFLite computes dense convolutions in int8 too, from ranges found while running; Core ML in fp16.
* int8: weights and activations in int8, ranges fixed by calibration; the image goes in as bytes.
* int16: weights in int8, activations in int16, likewise. For neural processors: CPUs take far longer than in fp32.
* p6, p4: palettes of 64 or 16 values for each weight; computed in fp16.
"""

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
DEFAULTS: tuple[Precision, ...] = ("fp32", "fp16")
"""What `export` makes by default: these need no calibration photos, and their masks look the same."""


WORTHWHILE_SPEEDUP = 1.5
"""An int8 TFLite file must be this many times as fast as fp32 to be worth the accuracy that it loses."""


@dataclass(frozen=True, slots=True)
class ArtefactKind:
    """A target in one precision."""

    target: str
    precision: Precision | Literal["exported"]
    file: str
    """Its name within an export folder."""


EXPORTED = ArtefactKind("onnx", "exported", "exported.onnx")
"""As PyTorch wrote it. No phone uses it, but the first hop ends there."""
SIMPLIFIED = ArtefactKind("onnx", "fp32", "student.onnx")
"""The file that both phone targets are converted from."""

KINDS: Mapping[str, ArtefactKind] = MappingProxyType(
    {
        "onnx-exported": EXPORTED,
        "onnx": SIMPLIFIED,
        "tflite-fp32": ArtefactKind("tflite", "fp32", "student-fp32.tflite"),
        "tflite-fp16": ArtefactKind("tflite", "fp16", "student-fp16.tflite"),
        "tflite-w8": ArtefactKind("tflite", "w8", "student-w8.tflite"),
        "tflite-int8": ArtefactKind("tflite", "int8", "student-int8.tflite"),
        "tflite-int16": ArtefactKind("tflite", "int16", "student-int16.tflite"),
        "coreml-fp32": ArtefactKind("coreml", "fp32", "student-fp32.mlpackage"),
        "coreml-fp16": ArtefactKind("coreml", "fp16", "student-fp16.mlpackage"),
        "coreml-w8": ArtefactKind("coreml", "w8", "student-w8.mlpackage"),
        "coreml-p6": ArtefactKind("coreml", "p6", "student-p6.mlpackage"),
        "coreml-p4": ArtefactKind("coreml", "p4", "student-p4.mlpackage"),
    }
)

TARGETS = ("onnx", "coreml", "tflite")


def select_kinds(targets: tuple[str, ...], precisions: tuple[str, ...] = DEFAULTS) -> dict[str, ArtefactKind]:
    """The kinds of artefact for these targets and precisions; for all targets if none is named.

    Raises:
        BadInput: A target or precision is unknown, or none of these targets has the precision.
    """
    for what, named, known in (("target", targets, TARGETS), ("precision", precisions, PRECISIONS)):
        if unknown := [one for one in named if one not in known]:
            raise BadInput(f"unknown {what} '{unknown[0]}'; expected one of {', '.join(known)}")
    found = {
        name: kind
        for name, kind in KINDS.items()
        if (not targets or kind.target in targets) and (kind.target == "onnx" or kind.precision in precisions)
    }
    made = {kind.precision for kind in found.values()}
    if (missing := [one for one in precisions if one not in made]) and set(targets) != {"onnx"}:
        able = sorted({kind.target for kind in KINDS.values() if kind.precision == missing[0]})
        raise BadInput(f"{' and '.join(targets)} has no {missing[0]}; {' and '.join(able)} has")
    return found


def size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())
