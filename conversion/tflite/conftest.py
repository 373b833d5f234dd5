"""Small ONNX models, and how far their TFLite form is from ONNX Runtime in each runtime installed."""

import importlib.util
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conversion.source.graph import read_graph
from conversion.tflite import layout
from conversion.tflite.emitter import emit
from conversion.tflite.interpreter import open_interpreter
from training.student.arrays import Array

_STORED = {"f": np.float32, "i": np.int64}


def _model(
    nodes: Sequence[onnx.NodeProto],
    shape: tuple[int, ...] = (1, 4, 9, 11),
    opset: int = 18,
    **constants: Any,
) -> onnx.ModelProto:
    """From `image` to `logits`; floats among the constants become float32, integers int64."""
    arrays = {name: np.asarray(value) for name, value in constants.items()}
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [onnx.ValueInfoProto(name="logits")],
        [
            numpy_helper.from_array(array.astype(_STORED.get(array.dtype.kind, array.dtype)), name)
            for name, array in arrays.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model)
    return model


def _litert(model: bytes, image: Array) -> Array:
    return _run(open_interpreter(model), image)


def _reference_kernels(model: bytes, image: Array) -> Array:
    return _run(open_interpreter(model, reference_kernels=True), image)


def _tflite_runtime(model: bytes, image: Array) -> Array:
    from tflite_runtime.interpreter import Interpreter

    return _run(Interpreter(model_content=model, num_threads=1), image)


def _run(interpreter: Any, image: Array) -> Array:
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], layout.to_file(image))
    interpreter.invoke()
    return layout.to_graph(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


_RUNTIMES: dict[str, Callable[[bytes, Array], Array]] = {"XNNPACK": _litert, "reference kernels": _reference_kernels}
if importlib.util.find_spec("tflite_runtime"):
    _RUNTIMES["tflite-runtime"] = _tflite_runtime


def _drift(model: onnx.ModelProto, *, precision: str = "fp32", high: float = 4.0) -> dict[str, float]:
    """By runtime: the largest error relative to the range of ONNX Runtime's output, for values of −`high` to `high`.

    A runtime that does not give the output as float32, int32 or bool, as phones want it, errs infinitely.
    """
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    value = model.graph.input[0].type.tensor_type
    image = np.random.default_rng(0).uniform(-high, high, [size.dim_value for size in value.shape.dim])
    image = image.astype(np.float32)
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": image})[0]
    converted = emit(read_graph(model), precision=precision, metadata={})
    drift = {}
    for name, run in _RUNTIMES.items():
        found = run(converted, image)
        assert found.shape == expected.shape
        error = np.abs(found.astype(np.float64) - expected).max() / max(np.ptp(expected.astype(np.float64)), 1e-3)
        drift[name] = float(error) if found.dtype in (np.float32, np.int32, np.bool_) else math.inf
    return drift


@pytest.fixture(scope="session")
def model() -> Callable[..., onnx.ModelProto]:
    """A function from nodes and constants to an ONNX model."""
    return _model


@pytest.fixture(scope="session")
def drift() -> Callable[..., dict[str, float]]:
    """A function from an ONNX model to its TFLite form's largest error in each runtime."""
    return _drift
