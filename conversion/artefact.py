"""What an export leaves: one file or package per target and precision, and where each comes from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from training.student.errors import BadInput

Precision = Literal["fp32", "fp16"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A target at a precision."""

    target: str
    precision: Precision | Literal["exported"]
    file: str
    """Its name within an export folder."""


EXPORTED = Kind("onnx", "exported", "exported.onnx")
"""As PyTorch wrote it; no phone wants it, but the first hop ends there."""
SIMPLIFIED = Kind("onnx", "fp32", "student.onnx")
"""The single source of both phone targets."""

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "onnx-exported": EXPORTED,
        "onnx": SIMPLIFIED,
        "tflite-fp32": Kind("tflite", "fp32", "student-fp32.tflite"),
        "tflite-fp16": Kind("tflite", "fp16", "student-fp16.tflite"),
        "coreml-fp32": Kind("coreml", "fp32", "student-fp32.mlpackage"),
        "coreml-fp16": Kind("coreml", "fp16", "student-fp16.mlpackage"),
    }
)

TARGETS = ("onnx", "coreml", "tflite")


def kinds_of(targets: tuple[str, ...]) -> dict[str, Kind]:
    """The phone artefacts of these targets, all when none is named.

    Raises:
        BadInput: A target is unknown.
    """
    for target in targets:
        if target not in TARGETS:
            raise BadInput(f"unknown target '{target}'; expected one of {', '.join(TARGETS)}")
    return {name: kind for name, kind in KINDS.items() if not targets or kind.target in targets}


def sha256(path: Path) -> str:
    """Of a file; of a folder, over the relative paths and bytes of its files in order."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    total = hashlib.sha256()
    for entry in sorted(path.rglob("*")):
        if entry.is_file():
            total.update(entry.relative_to(path).as_posix().encode() + b"\0")
            total.update(hashlib.sha256(entry.read_bytes()).digest())
    return total.hexdigest()


def size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())
