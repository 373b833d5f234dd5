"""An ONNX model opened in ONNX Runtime on the CPU, quietly: the same way wherever one is run."""

from pathlib import Path
from typing import Any


def open_session(model: Path | bytes, *, threads: int = 0, profile: Path | None = None) -> Any:
    """An `onnxruntime.InferenceSession`.

    Args:
        model: A file, with the files that hold its weights beside it, or the bytes of one.
        threads: Of this session; 0 lets ONNX Runtime choose. Sessions keep their threads, which wait for work by
            spinning: many sessions at once want one each.
        profile: Measure every operator, into a file whose name begins so; `end_profiling` gives the name.

    Raises:
        Exception: ONNX Runtime cannot load the model; it raises kinds of its own.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    given = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
