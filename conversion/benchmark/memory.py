"""How much memory work adds to a process at its peak, as Linux counts it; other systems are not measured."""

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

from conversion.latency import open_inference
from training.student.orphans import end_with_parent

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def reset_peak() -> int | None:
    """Forget this process's peak so far; its resident bytes now, None off Linux."""
    if not _CLEAR.exists():
        return None
    _CLEAR.write_text("5", encoding="utf-8")
    return _read_status("VmRSS:")


def peak_bytes() -> int:
    """The most that this process has held since `reset_peak`."""
    return _read_status("VmHWM:")


def peak_megabytes(path: Path) -> float | None:
    """What opening a model file and running it three times adds to a process at its peak, in MB; None off Linux.

    It is measured in a process of its own.
    """
    if not _CLEAR.exists():
        return None
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_send_peak, args=(path, there), daemon=True)
    process.start()
    there.close()
    try:
        found: float | None = here.recv()
    except EOFError:
        return None
    finally:
        process.join()
    return found


def _send_peak(path: Path, end: Connection) -> None:
    from conversion.tflite.interpreter import native_stderr_closed

    end_with_parent()
    with native_stderr_closed():
        # Whatever a runtime takes for itself, another model of the app has paid already.
        import onnxruntime  # noqa: F401
        from ai_edge_litert.interpreter import Interpreter  # noqa: F401

        before = reset_peak()
        inference = open_inference(path, threads=1)
        for _ in range(3):
            inference()
        end.send(None if before is None else (peak_bytes() - before) / 1e6)


def _read_status(field: str) -> int:
    """Bytes."""
    line = next(line for line in _STATUS.read_text(encoding="utf-8").splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024
