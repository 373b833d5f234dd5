"""TFLite files in LiteRT, and in tflite-runtime, the oldest runtime on phones, older than the name LiteRT."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from conversion.artefact.contents import Tensor
from conversion.runtimes.model import Model, as_input
from conversion.tflite.interpreter import load_interpreter
from conversion.tflite.packing import expose_tensors
from conversion.tflite.partitions import count_partitions
from training.student.arrays import Array
from training.student.errors import ConversionRefused


def open_litert(
    source: Path | bytes, *, threads: int = 1, reference_kernels: bool = False, every_tensor: bool = False
) -> Model:
    """A file, or its bytes, in LiteRT.

    Args:
        source: The file.
        threads: For XNNPACK, the delegate that phones use.
        reference_kernels: Without XNNPACK: slow and simple kernels, independent of it.
        every_tensor: Give every tensor that is computed from the input as an output.
    """
    content = _read(source, every_tensor=every_tensor)
    return wrap_interpreter(load_interpreter(content, threads=threads, reference_kernels=reference_kernels))


def open_tflite_runtime(source: Path | bytes, *, threads: int = 1, every_tensor: bool = False) -> Model:
    """The same in tflite-runtime."""
    from tflite_runtime.interpreter import Interpreter

    interpreter = Interpreter(model_content=_read(source, every_tensor=every_tensor), num_threads=threads)
    interpreter.allocate_tensors()
    return wrap_interpreter(interpreter)


def wrap_interpreter(interpreter: Any) -> Model:
    """A file that either has opened."""
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    tensors = [_described(entry) for entry in inputs]

    def feed(arrays: Sequence[Array]) -> None:
        for entry, tensor, array in zip(inputs, tensors, arrays, strict=True):
            interpreter.set_tensor(entry["index"], as_input(array, tensor))

    def invoke() -> None:
        try:
            interpreter.invoke()
        except RuntimeError as error:
            # Such as a division by a number that 8 bits round to zero.
            reason = " ".join(str(error).split())
            raise ConversionRefused(f"LiteRT stops while it runs ({reason}); export in more bits") from error

    return Model(
        inputs=tensors,
        outputs=[_described(entry) for entry in outputs],
        feed=feed,
        invoke=invoke,
        results=lambda: [interpreter.get_tensor(entry["index"]) for entry in outputs],
        facts={
            "partitions": lambda: asdict(count_partitions(interpreter)),
            "quantization": lambda: [[float(scale), int(zero)] for scale, zero in (e["quantization"] for e in outputs)],
        },
    )


def _described(entry: Any) -> Tensor:
    return Tensor(entry["name"], tuple(int(size) for size in entry["shape"]), entry["dtype"].__name__)


def _read(source: Path | bytes, *, every_tensor: bool) -> bytes:
    content = source if isinstance(source, bytes) else source.read_bytes()
    return expose_tensors(content) if every_tensor else content
