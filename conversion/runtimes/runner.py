"""Every file of a student in every runtime as one function, from the input's pixels to logits.

An input is (height, width, 3) uint8 RGB, as `preprocess` makes it; logits are (channels, rows, columns) float32.
"""

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from conversion.source.session import open_session
from conversion.tflite.interpreter import open_interpreter
from training.student.arrays import Floats, Pixels, channels_first
from training.student.errors import BadInput, ConversionRefused

Runner = Callable[[Pixels], Floats]


def torch_runner(path: Path) -> Runner:
    """The student itself, from its checkpoint."""
    from training.student.checkpoint import load_checkpoint
    from training.student.network import infer_logits

    student = load_checkpoint(path).student

    return lambda image: infer_logits(student, image)


def onnxruntime(path: Path) -> Runner:
    """ONNX Runtime on the CPU."""
    session = _open(lambda: open_session(path), path)
    name = session.get_inputs()[0].name

    def run(image: Pixels) -> Floats:
        logits: Floats = session.run(None, {name: channels_first(image)})[0][0]
        return logits

    return run


def litert(path: Path) -> Runner:
    """LiteRT with the XNNPACK delegate that phones use."""
    return interpreter_runner(_open(lambda: open_interpreter(path.read_bytes()), path))


def litert_reference(path: Path) -> Runner:
    """LiteRT's reference kernels: slow and simple, and independent of XNNPACK."""
    return interpreter_runner(_open(lambda: open_interpreter(path.read_bytes(), reference_kernels=True), path))


def tflite_runtime(path: Path) -> Runner:
    """tflite-runtime: the oldest runtime on phones, older than the name LiteRT."""
    from tflite_runtime.interpreter import Interpreter

    interpreter = _open(lambda: Interpreter(str(path), num_threads=1), path)
    interpreter.allocate_tensors()
    return interpreter_runner(interpreter)


def coreml_executor(path: Path) -> Runner:
    """The saved Core ML program executed operator by operator, in float32."""
    from conversion.coreml.executor import load

    return program_runner(load(path), "fp32")


def coreml_executor_fp16(path: Path) -> Runner:
    """The same, with every operator's result rounded to float16 where the program says so."""
    from conversion.coreml.executor import load

    return program_runner(load(path), "fp16")


def coreml(path: Path) -> Runner:
    """Core ML itself; macOS only."""
    from PIL import Image

    from conversion.coreml.toolbox import load_coremltools

    model = _open(lambda: load_coremltools().models.MLModel(str(path)), path)

    def run(image: Pixels) -> Floats:
        logits = model.predict({"image": Image.fromarray(image)})["logits"]
        return np.asarray(logits[0], np.float32)

    return run


def interpreter_runner(interpreter: Any) -> Runner:
    """An opened TFLite file. Its input's type says whether it takes pixels as bytes or as the same values in float."""
    details = interpreter.get_input_details()[0]
    entry, dtype, result = details["index"], details["dtype"], interpreter.get_output_details()[0]["index"]

    def run(image: Pixels) -> Floats:
        interpreter.set_tensor(entry, image[None].astype(dtype))
        try:
            interpreter.invoke()
        except RuntimeError as error:
            # Such as a division by a number that 8 bits round to zero.
            reason = str(error).strip().replace("\n", " ")
            raise ConversionRefused(f"LiteRT stops while it runs ({reason}); export in more bits") from error
        return np.ascontiguousarray(interpreter.get_tensor(result)[0].transpose(2, 0, 1))

    return run


def program_runner(program: Any, rounding: Literal["fp32", "fp16"]) -> Runner:
    """A loaded Core ML program, operator by operator."""

    def run(image: Pixels) -> Floats:
        logits: Floats = program.run(image, rounding=rounding)["logits"][0]
        return logits

    return run


RUNTIMES: Mapping[str, Callable[[Path], Runner]] = MappingProxyType(
    {
        "torch": torch_runner,
        "onnxruntime": onnxruntime,
        "litert": litert,
        "litert-reference": litert_reference,
        "tflite-runtime": tflite_runtime,
        "coreml-executor": coreml_executor,
        "coreml-executor-fp16": coreml_executor_fp16,
        "coreml": coreml,
    }
)


def why_unavailable(runtime: str) -> str:
    """Why this machine cannot run that runtime; empty if it can."""
    if runtime == "coreml" and platform.system() != "Darwin":
        return "Core ML runs on macOS only"
    if runtime == "tflite-runtime":
        try:
            import tflite_runtime.interpreter  # noqa: F401
        except (ImportError, AttributeError) as error:
            return f"tflite-runtime is not usable here ({error}); it needs Python 3.11 and numpy 1"
    return ""


def _open(opener: Callable[[], Any], path: Path) -> Any:
    if not path.exists():
        raise BadInput(f"no artefact at {path}; make it with `make export-coreml` or `make export-tflite`")
    try:
        return opener()
    except Exception as error:  # each runtime raises its own kinds for a damaged file
        raise BadInput(f"{path} cannot be opened: {error}") from error
