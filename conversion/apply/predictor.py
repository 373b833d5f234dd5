"""Opens an artefact of any kind, with its contract, and predicts masks with it."""

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from conversion.artefact.contents import Tensor
from conversion.inspection import read
from conversion.runtimes.isolated import prepare
from conversion.runtimes.runner import RUNTIMES, Runner
from training.student.arrays import Floats, Pixels
from training.student.bounded_read import brief
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
"""For each suffix of an artefact, a key of `runner.RUNTIMES`: the closest to a phone's that this machine has."""


@dataclass(frozen=True, slots=True)
class Predictor:
    """An artefact that has been opened and has run once."""

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


def _check_input(path: Path, contract: Contract, inputs: Sequence[Tensor]) -> None:
    """Compare the contract with what the file declares, before memory is taken for an input of the contract's size.

    Raises:
        BadInput: The file has another number of inputs, or its input holds another number of values.
    """
    sizes = [size for tensor in inputs[:1] for size in tensor.shape if isinstance(size, int)]
    is_open = any(len(sizes) != len(tensor.shape) for tensor in inputs[:1])
    # An image input states rows and columns alone.
    expected = {math.prod(contract.input_shape), contract.height * contract.width}
    if len(inputs) != 1 or (not is_open and math.prod(sizes) not in expected):
        found = ", ".join(map(str, inputs[:3])) or "none"
        raise BadInput(
            f"{path} does not take the input of its contract, {contract.input_shape}, "
            f"but {brief(found)}; export it again"
        )


def open_predictor(path: Path, *, opening: int | None = None, threshold: float | None = None) -> Predictor:
    """Open an artefact that has a contract, and run it once on a black input to check that it keeps the contract.

    Args:
        path: A .onnx, .tflite, .mlpackage or a student's .safetensors.
        opening: Replaces the contract's `open`: the diameter of the ellipse in pixels.
        threshold: Replaces the contract's threshold, in logits.

    Raises:
        BadInput: The file is not an artefact, has no contract or does not keep it, or the contract does not allow the
            opening or the threshold.
    """
    if RUNTIME.get(path.suffix, "").startswith("coreml-executor"):
        # It takes seconds to import, which pass while the package is read.
        prepare("coreml-executor")
    inspected = read(path)
    contract = inspected.contract
    if contract is None:
        broken = [note for note in inspected.contents.notes if "contract" in note]
        reason = broken[-1] if broken else "nothing in it describes its input and output"
        raise BadInput(
            f"{path} has no contract ({reason}); make one with `python -m conversion convert`, or `export` it again"
        )
    if opening is not None:
        contract = replace(contract, open=opening)
    if threshold is not None:
        contract = replace(contract, threshold=threshold)
    _check_input(path, contract, inspected.contents.inputs)
    runner = RUNTIMES[RUNTIME[path.suffix]](path)
    try:
        shape = runner(np.zeros(contract.input_shape, np.uint8)).shape
    except PocketmaskError:
        raise
    except Exception as error:  # each runtime has its own exception types for a wrong shape
        line = " ".join(str(error).split())
        raise BadInput(f"{path} does not take the input of its contract, {contract.input_shape}: {line}") from error
    if shape != contract.logits_shape:
        raise BadInput(f"{path} gives logits {shape}, but its contract says {contract.logits_shape}; export it again")
    return Predictor(path, sha256(path), contract, runner)
