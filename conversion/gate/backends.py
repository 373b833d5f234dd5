"""The backends of a student: each one of its files in one runtime."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from conversion.artefact.kinds import KINDS
from conversion.runtimes.runner import RUNTIMES, Runner


@dataclass(frozen=True, slots=True)
class Backend:
    """One file of a student in one runtime."""

    kind: str
    """A key of `artefact.KINDS`; empty for the checkpoint."""
    runtime: str
    """A key of `runner.RUNTIMES`."""

    def open(self, checkpoint: Path, export: Path) -> Runner:
        """The runner of this backend, for a run.

        Raises:
            BadInput: Its file is missing or damaged.
        """
        return RUNTIMES[self.runtime](export / KINDS[self.kind].file if self.kind else checkpoint)


BACKENDS: Mapping[str, Backend] = MappingProxyType(
    {
        "torch": Backend("", "torch"),
        "onnx-exported": Backend("onnx-exported", "onnxruntime"),
        "onnx": Backend("onnx", "onnxruntime"),
        "tflite-fp32": Backend("tflite-fp32", "litert"),
        "tflite-fp32-reference": Backend("tflite-fp32", "litert-reference"),
        "tflite-fp32-old": Backend("tflite-fp32", "tflite-runtime"),
        "tflite-fp16": Backend("tflite-fp16", "litert"),
        "tflite-fp16-old": Backend("tflite-fp16", "tflite-runtime"),
        "tflite-w8": Backend("tflite-w8", "litert"),
        "tflite-w8-old": Backend("tflite-w8", "tflite-runtime"),
        "tflite-int8": Backend("tflite-int8", "litert"),
        "tflite-int8-reference": Backend("tflite-int8", "litert-reference"),
        "tflite-int8-old": Backend("tflite-int8", "tflite-runtime"),
        "tflite-int16": Backend("tflite-int16", "litert"),
        "coreml-fp32": Backend("coreml-fp32", "coreml-executor"),
        "coreml-fp16": Backend("coreml-fp16", "coreml-executor-fp16"),
        "coreml-fp16-mac": Backend("coreml-fp16", "coreml"),
        "coreml-w8": Backend("coreml-w8", "coreml-executor-fp16"),
        "coreml-w8-mac": Backend("coreml-w8", "coreml"),
        "coreml-p6": Backend("coreml-p6", "coreml-executor-fp16"),
        "coreml-p6-mac": Backend("coreml-p6", "coreml"),
        "coreml-p4": Backend("coreml-p4", "coreml-executor-fp16"),
        "coreml-p4-mac": Backend("coreml-p4", "coreml"),
    }
)
