"""A network written in ONNX's text form, as a package and as ONNX Runtime runs it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from conversion.coreml.emitter import Precision, emit
from conversion.quantisation.rounding import with_kept_sums
from conversion.source.graph import read_graph

HEIGHT, WIDTH = 12, 10


@dataclass(frozen=True)
class Network:
    """One ONNX model with an input `image`."""

    model: onnx.ModelProto

    def reference(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What ONNX Runtime computes."""
        session = onnxruntime.InferenceSession(self.model.SerializeToString())
        logits: NDArray[np.float32] = session.run(None, {"image": image.transpose(2, 0, 1)[None].astype(np.float32)})[0]
        return logits

    def emit(self, path: Path, precision: Precision = "fp32", metadata: Mapping[str, str] | None = None) -> Path:
        """Write it as a package, the way `export` does."""
        source = read_graph(self.model)
        if precision == "fp16":
            source = with_kept_sums(source)
        emit(source, path, precision=precision, metadata=metadata or {})
        return path


@pytest.fixture
def image() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture(scope="session")
def network() -> Callable[..., Network]:
    """Builds one from its nodes in onnx.parser's syntax, from `image` (1, 3, 12, 10) to `logits`.

    The parser wants double quotes; single ones are easier on Python.
    """

    def build(nodes: str, constants: Mapping[str, NDArray] | None = None, *, opset: int = 18) -> Network:
        body = nodes.replace("'", '"')
        text = f"""
            <ir_version: 8, opset_import: ["" : {opset}]>
            test (float[1, 3, {HEIGHT}, {WIDTH}] image) => (float[a, b, c, d] logits) {{ {body} }}
        """
        model = onnx.parser.parse_model(text)
        for name in sorted(set(re.findall(r"\w+", nodes)).intersection(constants or {})):
            model.graph.initializer.append(onnx.numpy_helper.from_array(constants[name], name))
        del model.graph.output[0].type.tensor_type.shape.dim[:]
        model.graph.output[0].type.tensor_type.ClearField("shape")
        return Network(onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True))

    return build


@pytest.fixture(scope="session")
def together() -> Callable[..., onnx.ModelProto]:
    """Builds one model of many expressions in onnx.parser's syntax, the n-th with the output `case_n`."""

    def build(
        expressions: Iterable[str],
        inputs: Mapping[str, NDArray],
        constants: Mapping[str, NDArray],
        prelude: str = "",
        *,
        opset: int = 20,
    ) -> onnx.ModelProto:
        outputs = [f"case_{n}" for n, _ in enumerate(expressions)]
        lines = [*prelude.strip().splitlines(), *map(" = ".join, zip(outputs, expressions, strict=True))]
        body = onnx.helper.make_graph(
            [onnx.parser.parse_node(line.replace("'", '"')) for line in lines],
            "together",
            [
                onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
                for name, value in inputs.items()
            ],
            [],
            [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        )
        model = onnx.helper.make_model(body, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=9)
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        known = {value.name: value for value in model.graph.value_info}
        model.graph.output.extend(known[name] for name in outputs)
        return model

    return build
