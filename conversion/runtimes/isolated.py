"""Model files that are open in child processes: whatever they do to their runtime is an error of one line here."""

import os
import sys
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from conversion.artefact.contents import Tensor
from conversion.runtimes.process import SECONDS, Child, RuntimeFailed
from training.data.resources import available
from training.student.arrays import Array
from training.student.errors import BadInput, PocketmaskError, one_line

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "onnxruntime": "ONNX Runtime",
        "litert": "LiteRT",
        "tflite-runtime": "tflite-runtime",
        "coreml-executor": "the Core ML executor",
        "coreml": "Core ML",
    }
)
"""By key of `child.OPENERS`: what people call the runtime."""

_DEFAULT_SECONDS = 120
_SHARE = 0.75
"""Of the free memory, what a child may allocate."""
_REUSED = ("coreml-executor",)
"""Runtimes in Python, which a malformed file cannot corrupt; this one takes seconds to import."""
_SPARE: dict[str, Child] = {}


class IsolatedModel:
    """A file in a runtime, in a process that ends with this object; it offers what `Model` does.

    Every method raises BadInput where the file kills its runtime, makes it hang or take too much memory, and
    RuntimeFailed with the text of what the runtime itself raises.
    """

    def __init__(self, runtime: str, source: Path | bytes, **options: Any) -> None:
        """Open it.

        Args:
            runtime: A key of `child.OPENERS`.
            source: The file, or its bytes.
            options: Of the function that `child.OPENERS` names.

        Raises:
            BadInput: There is no such file, or it cannot be opened.
            ConversionRefused: The executor has no kernel for one of its operators.
        """
        # The child has another working folder, and errors name the file as the user did.
        self._path = str(source.absolute()) if isinstance(source, Path) else None
        self._shown = str(source) if isinstance(source, Path) else "the model"
        self._child = _take(runtime)
        self._close = weakref.finalize(self, _give_back, runtime, self._child)
        if isinstance(source, Path):
            described, _ = self._opened(file=self._path, **options)
        else:
            described, _ = self._opened([np.frombuffer(source, np.uint8)], **options)
        self.inputs, self.outputs = ([_tensor(each) for each in described[key]] for key in ("inputs", "outputs"))

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """The outputs for these inputs."""
        return self._ask("run", inputs)[1]

    def milliseconds(self) -> float:
        """How long one inference takes, on noise."""
        return float(self._ask("time")[0]["milliseconds"])

    def peak_megabytes(self) -> float | None:
        """What the file has added to its process at its peak since it was opened; None off Linux."""
        megabytes: float | None = self._ask("peak")[0]["megabytes"]
        return megabytes

    def tell(self, fact: str) -> Any:
        """What else the runtime knows of the file: a key of `Model.facts`."""
        return self._ask("tell", fact=fact)[0]["value"]

    def _opened(self, arrays: Sequence[Array] = (), **fields: Any) -> tuple[dict[str, Any], list[Array]]:
        try:
            return self._ask("open", arrays, **fields)
        except RuntimeFailed as error:
            raise BadInput(f"{self._shown} cannot be opened: {one_line(error)}") from error

    def _ask(self, verb: str, arrays: Sequence[Array] = (), **fields: Any) -> tuple[dict[str, Any], list[Array]]:
        try:
            return self._child.ask(self._shown, verb, arrays, **fields)
        except (PocketmaskError, RuntimeFailed) as error:
            if self._path:
                error.args = (str(error).replace(self._path, self._shown),)
            raise


def prepare(runtime: str) -> None:
    """Let a child import a runtime while there is other work to do; the next file of it is opened in that child."""
    if runtime not in _SPARE:
        _SPARE[runtime] = _start(runtime)


def _start(runtime: str) -> Child:
    """A child of this environment."""
    command = (sys.executable, "-m", "conversion.runtimes.child", runtime, str(int(available() * _SHARE)))
    return Child(command, NAMES[runtime], float(os.environ.get(SECONDS, _DEFAULT_SECONDS)))


def _take(runtime: str) -> Child:
    spare = _SPARE.pop(runtime, None)
    return spare if spare and spare.is_alive else _start(runtime)


def _give_back(runtime: str, child: Child) -> None:
    if runtime in _REUSED and child.is_alive and runtime not in _SPARE:
        _SPARE[runtime] = child
    else:
        child.end()


def _tensor(described: Sequence[Any]) -> Tensor:
    name, shape, kind = described
    return Tensor(str(name), tuple(shape), str(kind))
