"""Small ONNX models in text form, and what becomes of them."""

from collections.abc import Callable, Mapping

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from conversion.source.as_onnx import as_onnx
from conversion.source.graph import Graph, read_graph


def _model(
    nodes: str, opset: int = 17, inputs: str = "float[1,4,6,8] x", constants: Mapping[str, NDArray | str] | None = None
) -> onnx.ModelProto:
    """From `x` to `y`; a constant that is no array is in ONNX's text form."""
    texts = {name: value for name, value in (constants or {}).items() if isinstance(value, str)}
    fixed = "".join(f"{name} = Constant <value = {text}> ()\n" for name, text in texts.items())
    parsed = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": {opset}]> g ({inputs}) => (float y) {{ {fixed} {nodes} }}'
    )
    for name, value in (constants or {}).items():
        if not isinstance(value, str):
            parsed.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    parsed.graph.output[0].type.tensor_type.ClearField("shape")
    return parsed


def _read_alike(model: onnx.ModelProto) -> Graph:
    """The graph of a model, once ONNX Runtime has computed the same from both."""
    graph = read_graph(model)
    feeds = {name: np.random.default_rng(0).normal(size=graph.shapes[name]).astype(np.float32) for name in graph.inputs}
    onnxruntime.set_default_logger_severity(4)
    expected, found = (
        onnxruntime.InferenceSession(one.SerializeToString()).run(None, feeds) for one in (model, as_onnx(graph))
    )
    for one, other, name in zip(expected, found, graph.outputs, strict=True):
        assert one.shape == other.shape == graph.shapes[name]
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)
    assert all(node.inputs and node.name for node in graph.nodes)
    return graph


@pytest.fixture(scope="session")
def model() -> Callable[..., onnx.ModelProto]:
    """A function from nodes, opset, inputs and constants to an ONNX model."""
    return _model


@pytest.fixture(scope="session")
def read_alike() -> Callable[[onnx.ModelProto], Graph]:
    """A function that reads a model and asserts that the graph computes the same."""
    return _read_alike
