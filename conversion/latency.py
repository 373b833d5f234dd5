"""How long files take to run, in turns, since machines are shared and milliseconds drift; and how much memory."""

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from conversion.tflite.interpreter import open_interpreter
from training.student.errors import BadInput

Step = Callable[[], object]
"""One inference."""

TIMED = (".tflite", ".onnx")
"""What can be timed on any machine."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one inference."""

    p50: float
    p90: float


def milliseconds(paths: Sequence[Path], *, runs: int) -> list[float]:
    """The median time of one inference of each file on one thread; the files take turns."""
    return [found.p50 for found in in_turns([opened(path, threads=1) for path in paths], runs=runs)]


def in_turns(steps: Sequence[Step], *, runs: int) -> list[Times]:
    """Take each step once to warm up, then all of them by turns."""
    for step in steps:
        step()
    times: list[list[float]] = [[] for _ in steps]
    for _ in range(runs):
        for step, own in zip(steps, times, strict=True):
            started = time.perf_counter()
            step()
            own.append((time.perf_counter() - started) * 1e3)
    return [Times(*(float(value) for value in np.quantile(own, (0.5, 0.9)))) for own in times]


def opened(path: Path, *, threads: int) -> Step:
    """An inference of noise: a .tflite file in LiteRT with XNNPACK, an .onnx file in ONNX Runtime.

    Raises:
        BadInput: It is neither, cannot be opened, or leaves a size open other than the batch's.
    """
    if path.suffix not in TIMED:
        raise BadInput(f"{path} cannot be timed here; expected a file that ends in {' or '.join(TIMED)}")
    try:
        return _litert(path, threads) if path.suffix == ".tflite" else _onnxruntime(path, threads)
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except Exception as error:  # each runtime raises its own kinds for a damaged file
        raise BadInput(f"{path} cannot be opened: {' '.join(str(error).split())}") from error


def peak_megabytes(path: Path) -> float | None:
    """What opening a file and running it three times adds to a process's memory at its peak; None off Linux."""
    if not Path("/proc/self/clear_refs").exists():
        return None
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_peak, args=(path, there), daemon=True)
    process.start()
    there.close()
    try:
        found: float = here.recv()
    except EOFError:
        return None
    finally:
        process.join()
    return found


def shares(path: Path, *, runs: int = 10) -> dict[str, float]:
    """How an ONNX file's time divides among kinds of operators, on one thread of ONNX Runtime, the largest first."""
    with tempfile.TemporaryDirectory() as folder:
        session = _session(path, 1, profile=str(Path(folder) / "profile"))
        feed = _noise(session, path)
        for _ in range(runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    spent: dict[str, float] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            kind = event["args"]["op_name"]
            spent[kind] = spent.get(kind, 0.0) + event["dur"]
    whole = sum(spent.values()) or 1.0
    return {kind: part / whole for kind, part in sorted(spent.items(), key=lambda entry: -entry[1])}


def _litert(path: Path, threads: int) -> Step:
    interpreter = open_interpreter(path.read_bytes(), threads=threads)
    rng = np.random.default_rng(0)
    for entry in interpreter.get_input_details():
        interpreter.set_tensor(entry["index"], (rng.random(entry["shape"]) * 255).astype(entry["dtype"]))
    invoke: Step = interpreter.invoke
    return invoke


def _onnxruntime(path: Path, threads: int) -> Step:
    session = _session(path, threads)
    feed = _noise(session, path)
    return lambda: session.run(None, feed)


def _session(path: Path, threads: int, profile: str = "") -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


_DTYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(float16)": np.float16}


def _noise(session: Any, path: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    feed = {}
    for entry in session.get_inputs():
        batch, *sizes = entry.shape
        if not all(isinstance(size, int) for size in sizes) or entry.type not in _DTYPES:
            raise BadInput(f"{path} has the input {entry.name} of {entry.type} {entry.shape}; fix its sizes to time it")
        shape = (batch if isinstance(batch, int) else 1, *sizes)
        feed[entry.name] = (rng.random(shape) * 255).astype(_DTYPES[entry.type])
    return feed


def _peak(path: Path, end: Connection) -> None:
    from conversion.tflite.interpreter import native_stderr_closed

    with native_stderr_closed():
        # Whatever a runtime takes for itself, another model of the app has paid already.
        import onnxruntime  # noqa: F401
        from ai_edge_litert.interpreter import Interpreter  # noqa: F401

        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
        before = _status("VmRSS")
        step = opened(path, threads=1)
        for _ in range(3):
            step()
        end.send((_status("VmHWM") - before) / 1e6)


def _status(name: str) -> int:
    """Bytes, from what Linux tells of this process."""
    lines = Path(f"/proc/{os.getpid()}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
