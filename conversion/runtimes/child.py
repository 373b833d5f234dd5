"""A process that opens a model file in one runtime, and does with it what its parent asks on stdin.

`python -m conversion.runtimes.child RUNTIME BYTES`: a malformed file may end a runtime, make it hang or take all
memory; here that costs the parent nothing. It imports numpy and the one runtime. RUNTIME is a key of `OPENERS`, BYTES
is what it may allocate. Messages are those of `messages`; a request has a `verb`, and gets one reply:

    open   a file, or its bytes as an array, and options of the runtime → inputs, outputs
    run    arrays → arrays
    time   → milliseconds of one inference, on noise
    peak   → megabytes that the file has added to this process at its peak; null where nobody counts
    tell   a fact → its value: what else the runtime knows, see `Model.facts`

or, where that fails, an `error` and the name of its `type`.
"""

import contextlib
import importlib
import os
import queue
import resource
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from conversion.runtimes import messages
from conversion.runtimes.memory import peak_bytes, reset_peak
from conversion.runtimes.model import Model, make_noise
from training.student.arrays import Array
from training.student.errors import one_line


@dataclass(frozen=True, slots=True)
class Opener:
    """What opens a file in a runtime."""

    package: str
    """What it computes with, imported before a file's memory is counted."""
    module: str
    """Of this room."""
    function: str
    """From a path, or bytes, and options to a `Model`."""


OPENERS: Mapping[str, Opener] = MappingProxyType(
    {
        "onnxruntime": Opener("onnxruntime", "onnx_runtime", "open_onnxruntime"),
        "litert": Opener("ai_edge_litert.interpreter", "litert", "open_litert"),
        "tflite-runtime": Opener("tflite_runtime.interpreter", "litert", "open_tflite_runtime"),
        "coreml-executor": Opener("torch", "coreml_executor", "open_executor"),
        "coreml": Opener("PIL.Image", "coreml", "open_coreml"),
    }
)

Reply = tuple[Mapping[str, Any], Sequence[Array]]


class Session:
    """The file that is open, and a method for each verb."""

    def __init__(self, opener: Opener) -> None:
        """Import the runtime."""
        module = importlib.import_module(f"conversion.runtimes.{opener.module}")
        importlib.import_module(opener.package)
        self._open = getattr(module, opener.function)
        self._model: Model | None = None
        self._before: int | None = None
        self._is_fed = False

    @property
    def model(self) -> Model:
        """The open file."""
        if self._model is None:
            raise ValueError("no file is open")
        return self._model

    def open(self, arrays: Sequence[Array], *, file: str | None = None, **options: Any) -> Reply:
        """Open a file, or what an array holds, in place of the one before."""
        self._model, self._is_fed = None, False
        self._before = reset_peak()
        source = Path(file) if file is not None else arrays[0].tobytes()
        self._model = self._open(source, **options)
        listed = {"inputs": self.model.inputs, "outputs": self.model.outputs}
        return {name: [astuple(tensor) for tensor in tensors] for name, tensors in listed.items()}, ()

    def run(self, arrays: Sequence[Array]) -> Reply:
        """The outputs for these inputs."""
        self._is_fed = False
        return {}, self.model.run(arrays)

    def time(self, arrays: Sequence[Array]) -> Reply:
        """Milliseconds of one inference, on noise."""
        if not self._is_fed:
            self.model.feed(make_noise(self.model.inputs))
            self._is_fed = True
        started = time.perf_counter()
        self.model.invoke()
        return {"milliseconds": (time.perf_counter() - started) * 1e3}, ()

    def peak(self, arrays: Sequence[Array]) -> Reply:
        """Megabytes that the open file has added at its peak."""
        return {"megabytes": None if self._before is None else (peak_bytes() - self._before) / 1e6}, ()

    def tell(self, arrays: Sequence[Array], *, fact: str) -> Reply:
        """A fact of the open file."""
        return {"value": self.model.facts[fact]()}, ()


def serve(session: Session, requests: "queue.Queue[tuple[dict[str, Any], list[Array]]]", replies: BinaryIO) -> None:
    """Answer requests, for ever."""
    verbs = {verb: getattr(session, verb) for verb in ("open", "run", "time", "peak", "tell")}
    while True:
        fields, arrays = requests.get()
        try:
            reply = messages.pack(*verbs[fields.pop("verb")](arrays, **fields))
        except Exception as error:  # whatever a runtime raises is an answer
            reply = messages.pack({"error": one_line(error), "type": type(error).__name__})
        for piece in reply:
            replies.write(piece)
        replies.flush()


def main(runtime: str, most: int) -> None:
    """Serve one runtime on stdin and stdout until stdin ends.

    Args:
        runtime: A key of `OPENERS`.
        most: Bytes that this process may allocate.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Not RLIMIT_AS: runtimes reserve addresses far beyond what they use. macOS holds nobody to either.
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    with contextlib.suppress(OSError):
        # Where memory ends all the same, Linux is to take it from here and not from the parent.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="utf-8")
    # What a runtime prints goes to stderr, and cannot get among the replies.
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    requests: queue.Queue[tuple[dict[str, Any], list[Array]]] = queue.Queue(1)
    threading.Thread(target=_listen, args=(source, requests), daemon=True).start()
    serve(Session(OPENERS[runtime]), requests, sink)


def _listen(source: BinaryIO, requests: "queue.Queue[tuple[dict[str, Any], list[Array]]]") -> None:
    """Take requests in; end the process when the parent is gone, also while a runtime works or hangs."""

    def read(size: int) -> bytearray:
        content = bytearray(size)
        if source.readinto(content) != size:  # type: ignore[attr-defined]  # a BufferedReader
            os._exit(0)
        return content

    while True:
        requests.put(messages.unpack(read))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
