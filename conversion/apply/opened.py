"""An artefact, opened: its contract, and the runner that goes with its kind."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from conversion.inspection import inspect
from conversion.runtimes.runner import RUNTIMES, Runner
from training.student.arrays import Floats, Pixels
from training.student.contract import Contract
from training.student.digest import sha256
from training.student.errors import BadInput, PocketmaskError
from training.student.postprocess import Mask, postprocess
from training.student.preprocess import preprocess

RUNTIME: Mapping[str, str] = MappingProxyType(
    {
        ".onnx": "onnxruntime",
        ".tflite": "litert",
        ".mlpackage": "coreml" if platform.system() == "Darwin" else "coreml-executor-fp16",
        ".safetensors": "torch",
    }
)
"""By the suffix of an artefact, a key of `runner.RUNTIMES`: what phones would run, as near as this machine has it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An artefact that has run once."""

    path: Path
    sha256: str
    contract: Contract
    runner: Runner

    def logits(self, photo: Pixels) -> Floats:
        """(channels, rows, columns) logits of a (rows, columns, 3) RGB photo."""
        return self.runner(preprocess(photo, self.contract))

    def mask(self, photo: Pixels) -> Mask:
        """(rows, columns) class indices, the photo's own size."""
        return postprocess(self.logits(photo), self.contract, photo.shape[0], photo.shape[1])


def open_artefact(path: Path, *, opening: int | None = None, threshold: float | None = None) -> Opened:
    """An artefact with a contract inside, whatever its kind; a black input has gone through it.

    Args:
        path: A .onnx, .tflite, .mlpackage or a student's .safetensors.
        opening: In place of the contract's `open`.
        threshold: In place of the contract's.

    Raises:
        BadInput: It is no artefact, has no contract, does not keep it, or the contract cannot be changed so.
    """
    found = inspect(path)
    contract = found.contract
    if contract is None:
        broken = [note for note in found.contents.notes if "contract" in note]
        reason = broken[-1] if broken else "nothing says what goes in and what comes out"
        raise BadInput(
            f"{path} has no contract ({reason}); make one with `python -m conversion convert`, or `export` it again"
        )
    if opening is not None:
        contract = replace(contract, open=opening)
    if threshold is not None:
        contract = replace(contract, threshold=threshold)
    runner = RUNTIMES[RUNTIME[path.suffix]](path)
    try:
        shape = runner(np.zeros(contract.input_shape, np.uint8)).shape
    except PocketmaskError:
        raise
    except Exception as error:  # each runtime raises its own kinds for a wrong shape
        line = " ".join(str(error).split())
        raise BadInput(f"{path} does not take the input of its contract, {contract.input_shape}: {line}") from error
    if shape != contract.logits_shape:
        raise BadInput(f"{path} gives logits {shape}, its contract says {contract.logits_shape}; export it again")
    return Opened(path, sha256(path), contract, runner)
