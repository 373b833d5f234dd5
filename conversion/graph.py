"""The typed graph that both emitters read: an ONNX model with every shape and constant resolved.

Reading does all that is common to the targets, so that an emitter is a table of small functions: Constant nodes
and whatever depends only on constants are folded, Identity and inference-time Dropout vanish, a zero Pad in
front of a Conv becomes its padding, and anything dynamic is refused here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from training.student.errors import ConversionRefused

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Node:
    """One operator and the names of the tensors it reads and writes."""

    operator: str
    """ONNX's name of it, such as `Conv`."""
    inputs: tuple[str, ...]
    """Tensor names; an empty one is an optional input left out."""
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Numbers, strings, tuples of them, or arrays; only those that the file gives."""
    name: str = ""

    def __str__(self) -> str:
        """What an error message calls it."""
        return f"{self.operator} '{self.name}'" if self.name else self.operator


@dataclass(frozen=True, slots=True)
class Graph:
    """A static network in the order of its execution."""

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]
    """Of every tensor, constants included, in ONNX's own axis order."""
    dtypes: Mapping[str, np.dtype[Any]]
    constants: Mapping[str, Array]
    opset: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The model's own key-value properties, such as our contract."""

    def readers(self, tensor: str) -> tuple[Node, ...]:
        """The nodes that read `tensor`."""
        return tuple(node for node in self.nodes if tensor in node.inputs)


def read(model: onnx.ModelProto) -> Graph:
    """The typed graph of an ONNX model.

    Raises:
        ConversionRefused: The model has a dynamic shape, a control-flow or foreign operator, or a shape that
            cannot be inferred.
    """
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    try:
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise ConversionRefused(f"the ONNX file contradicts itself: {error}") from error
    proto = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.initializer}
    inputs = tuple(value.name for value in proto.input if value.name not in constants)
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, np.dtype[Any]] = {}
    for value in (*proto.input, *proto.value_info, *proto.output):
        if (shape := _static_shape(value)) is not None:
            shapes[value.name] = shape
            dtypes[value.name] = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    for name in inputs:
        if name not in shapes:
            raise ConversionRefused(
                f"input '{name}' has a dynamic shape; phones want a fixed one: export it so, or say which "
                "with `--shape`"
            )
    nodes: list[Node] = []
    for proto_node in proto.node:
        node = _node(proto_node)
        if all(name in constants for name in node.inputs if name) and node.operator not in _RANDOM:
            constants.update(zip(node.outputs, _evaluate(proto_node, constants, opset), strict=False))
        else:
            nodes.append(node)
    for name, value in constants.items():
        shapes[name], dtypes[name] = value.shape, value.dtype
    for node in nodes:
        for name in node.outputs:
            if name and name not in shapes:
                raise ConversionRefused(f"{node} writes '{name}' of unknown shape; simplify with onnxsim first")
    graph = Graph(
        nodes=tuple(nodes),
        inputs=inputs,
        outputs=tuple(value.name for value in proto.output),
        shapes=shapes,
        dtypes=dtypes,
        constants=constants,
        opset=opset,
        metadata={entry.key: entry.value for entry in model.metadata_props},
    )
    return _pruned(_with_padding_absorbed(_without_pass_through(graph)))


# Folding would freeze one draw of these.
_RANDOM = {
    "RandomNormal",
    "RandomUniform",
    "RandomNormalLike",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
}


def _static_shape(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    sizes = [entry.dim_value if entry.HasField("dim_value") else -1 for entry in tensor.shape.dim]
    return None if any(size < 0 for size in sizes) else tuple(sizes)


def _node(proto: onnx.NodeProto) -> Node:
    if proto.domain not in ("", "ai.onnx"):
        raise ConversionRefused(
            f"operator {proto.op_type} of domain '{proto.domain}' is not ONNX's own; export the model without it"
        )
    attributes = {}
    for attribute in proto.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, onnx.GraphProto):
            raise ConversionRefused(
                f"{proto.op_type} holds a graph of its own; phones run straight lines: trace the model without "
                "control flow"
            )
        attributes[attribute.name] = _plain(value)
    return Node(proto.op_type, tuple(proto.input), tuple(proto.output), attributes, proto.name)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, list | tuple) or type(value).__name__.startswith("Repeated"):
        return tuple(_plain(item) for item in value)
    return value


def _evaluate(proto: onnx.NodeProto, constants: Mapping[str, Array], opset: int) -> list[Array]:
    feeds = {name: constants[name] for name in proto.input if name}
    body = onnx.helper.make_graph(
        [proto],
        "folded",
        [onnx.helper.make_tensor_value_info(name, _element_type(value), value.shape) for name, value in feeds.items()],
        [onnx.ValueInfoProto(name=name) for name in proto.output if name],
    )
    model = onnx.helper.make_model(body, opset_imports=[onnx.helper.make_opsetid("", opset)])
    return [np.asarray(value) for value in ReferenceEvaluator(model).run(None, feeds)]


def _element_type(value: Array) -> int:
    return onnx.helper.np_dtype_to_tensor_dtype(value.dtype)


def _without_pass_through(graph: Graph) -> Graph:
    """Identity and Dropout pass their input on; readers read the source instead."""
    source: dict[str, str] = {}
    kept = []
    for node in graph.nodes:
        read_from = tuple(source.get(name, name) for name in node.inputs)
        if _passes_on(node, graph) and node.outputs[0] not in graph.outputs:
            source[node.outputs[0]] = read_from[0]
        else:
            kept.append(replace(node, inputs=read_from))
    return replace(graph, nodes=tuple(kept))


def _passes_on(node: Node, graph: Graph) -> bool:
    if node.operator == "Identity":
        return True
    if node.operator != "Dropout":
        return False
    # Its third input, since opset 12, makes it drop at inference as well; its second output is what was dropped.
    is_training = len(node.inputs) > 2 and node.inputs[2] and bool(graph.constants.get(node.inputs[2], True))
    is_mask_read = any(name in graph.outputs or graph.readers(name) for name in node.outputs[1:] if name)
    return not (is_training or is_mask_read)


def _with_padding_absorbed(graph: Graph) -> Graph:
    """A zero Pad of the image axes that only a Conv reads becomes that Conv's own padding."""
    pads = {
        node.outputs[0]: (node, amounts)
        for node in graph.nodes
        if node.operator == "Pad"
        and (amounts := _image_padding(node, graph)) is not None
        and node.outputs[0] not in graph.outputs
        and all(_is_explicitly_padded_conv(reader) for reader in graph.readers(node.outputs[0]))
    }
    nodes = []
    for node in graph.nodes:
        if node.outputs[0] in pads:
            continue
        if node.inputs and node.inputs[0] in pads:
            pad, amounts = pads[node.inputs[0]]
            own = node.attributes.get("pads", (0,) * len(amounts))
            total = tuple(one + other for one, other in zip(own, amounts, strict=True))
            attributes = {**node.attributes, "pads": total}
            nodes.append(replace(node, inputs=(pad.inputs[0], *node.inputs[1:]), attributes=attributes))
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def _is_explicitly_padded_conv(node: Node) -> bool:
    return node.operator == "Conv" and node.attributes.get("auto_pad", "NOTSET") == "NOTSET"


def _image_padding(node: Node, graph: Graph) -> tuple[int, ...] | None:
    """The padding of the image axes in a Conv's own order, if that is all that this Pad does."""
    if node.attributes.get("mode", "constant") != "constant" or len(node.inputs) > 3:
        return None
    if "pads" in node.attributes:
        amounts, fill = node.attributes["pads"], node.attributes.get("value", 0.0)
    elif len(node.inputs) > 1 and node.inputs[1] in graph.constants:
        amounts = tuple(int(size) for size in graph.constants[node.inputs[1]])
        given = graph.constants.get(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else 0.0
        if given is None:
            return None
        fill = float(np.asarray(given).reshape(-1)[0]) if np.asarray(given).size else 0.0
    else:
        return None
    rank = len(amounts) // 2
    before, after = amounts[:rank], amounts[rank:]
    if fill != 0 or rank < 3 or any((*before[:2], *after[:2])) or any(size < 0 for size in amounts):
        return None
    return (*before[2:], *after[2:])


def _pruned(graph: Graph) -> Graph:
    """Without nodes and constants that no output depends on."""
    needed = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            kept.append(node)
            needed.update(name for name in node.inputs if name)
    constants = {name: value for name, value in graph.constants.items() if name in needed}
    known = needed.union(*(node.outputs for node in kept), graph.inputs)
    return replace(
        graph,
        nodes=tuple(reversed(kept)),
        constants=constants,
        shapes={name: shape for name, shape in graph.shapes.items() if name in known},
        dtypes={name: dtype for name, dtype in graph.dtypes.items() if name in known},
    )
