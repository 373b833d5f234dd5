"""Random small graphs, biased to what moves axes: each step draws one operator onto tensors that exist already."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
LARGEST = 4096
"""Elements of a tensor."""
RANKS = (1, 5)
"""Core ML's highest."""

Shape = tuple[int, ...]
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Sketch:
    """A graph that is being drawn."""

    def __init__(self, draw: Draw) -> None:
        """Begin with one input."""
        self.draw = draw
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}
        shape = draw(st.lists(st.integers(1, 6), min_size=draw(st.sampled_from([4, 1])), max_size=4))
        self.shapes: dict[str, Shape] = {"x": tuple(shape)}
        self._random = np.random.default_rng(0)

    def number(self, low: int, high: int) -> int:
        """Any whole number of a range, its ends included."""
        return int(self.draw(st.integers(low, high)))

    def one_of(self, choices: Sequence[Any]) -> Any:
        """Any of these; shrinks to the first."""
        return self.draw(st.sampled_from(list(choices)))

    def tensors(self, accepts: Callable[[Shape], bool]) -> list[str]:
        """Those that exist with such a shape, the newest first."""
        return [name for name, shape in reversed(self.shapes.items()) if accepts(shape)]

    def axis(self, tensor: str) -> int:
        """Any of a tensor's."""
        return self.number(0, len(self.shapes[tensor]) - 1)

    def noise(self, *shape: int) -> str:
        """A constant of normal deviates."""
        return self.constant(self._random.normal(size=shape))

    def flags(self, *shape: int) -> str:
        """A constant of true and false."""
        return self.constant(self._random.normal(size=shape) > 0)

    def constant(self, value: Any) -> str:
        """A constant of float32, int64 or bool."""
        array = np.asarray(value)
        name = f"c{len(self.constants)}"
        self.constants[name] = array.astype({"f": np.float32, "i": np.int64, "b": np.bool_}[array.dtype.kind])
        return name

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> None:
        """One node, unless it makes a tensor that is empty or too large."""
        names = [f"t{len(self.shapes) + position}" for position in range(outputs)]
        node = helper.make_node(operator, inputs, names, **attributes)
        shapes = self._shapes_of(node)
        low, high = RANKS
        if all(low <= len(shape) <= high and 0 < math.prod(shape) <= LARGEST for shape in shapes.values()):
            self.nodes.append(node)
            self.shapes.update(shapes)

    def _shapes_of(self, node: onnx.NodeProto) -> dict[str, Shape]:
        constants = {name: self.constants[name] for name in node.input if name in self.constants}
        types = {
            name: helper.make_tensor_type_proto(TensorProto.FLOAT, self.shapes[name])
            for name in node.input
            if name in self.shapes
        } | {
            name: helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in constants.items()
        }
        inferred = onnx.shape_inference.infer_node_outputs(
            onnx.defs.get_schema(node.op_type, OPSET),
            node,
            types,
            {name: numpy_helper.from_array(value, name) for name, value in constants.items()},
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        return {name: tuple(size.dim_value for size in inferred[name].tensor_type.shape.dim) for name in node.output}

    def model(self) -> onnx.ModelProto:
        """The graph; what no node reads is an output, and one tensor that is read may be."""
        read = {name for node in self.nodes for name in node.input}
        written = [name for node in self.nodes for name in node.output]
        also = self.one_of([None, *written])
        outputs = [name for name in written if name not in read or name == also]
        return helper.make_model(
            helper.make_graph(
                self.nodes,
                "sketch",
                [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shapes["x"])],
                [helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shapes[name]) for name in outputs],
                [numpy_helper.from_array(value, name) for name, value in self.constants.items() if name in read],
            ),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=9,
        )
