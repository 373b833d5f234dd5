"""The typed graph that both emitters read: an ONNX model of any opset, every shape, constant and attribute resolved.

Reading does all that is common to the targets, so that an emitter is a table of small functions: each operator comes
in its canonical form (see `conversion.source.canonical.operators`), with all attributes set and only data as inputs.
What depends only on constants and shapes is folded. Nodes that only pass their input on are removed. Patterns become
the operator that they mean. Anything dynamic is refused.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

import numpy as np
import onnx

from conversion.source.canonical import elementwise, validation
from conversion.source.canonical.builder import GraphBuilder
from conversion.source.canonical.conv_folding import fold_channel_order, fold_scale_and_offset
from conversion.source.canonical.operators import CANONICAL
from conversion.source.canonical.pattern_fusion import fuse_pattern
from conversion.source.canonical.shape_inference import infer_shapes
from conversion.source.node import Dtype, Node, Shape, needed
from training.student.arrays import Array
from training.student.errors import BadInput, ConversionRefused

__all__ = ["Array", "Graph", "Node", "read_graph"]


@dataclass(frozen=True, slots=True)
class Graph:
    """A static network in the order of its execution."""

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: Mapping[str, Shape]
    """Of every tensor, constants included, in ONNX's own axis order."""
    dtypes: Mapping[str, Dtype]
    constants: Mapping[str, Array]
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The model's own key-value properties, such as our contract."""

    def readers(self, tensor: str) -> tuple[Node, ...]:
        """The nodes that read `tensor`."""
        return tuple(node for node in self.nodes if tensor in node.inputs)


def read_graph(model: onnx.ModelProto, shapes: Mapping[str, Shape] | None = None) -> Graph:
    """The typed graph of an ONNX model.

    Args:
        model: Of any opset that this version of onnx knows.
        shapes: Of inputs that the model leaves open, by name; an open batch alone is 1 by default.

    Raises:
        ConversionRefused: The model has a dynamic shape, a control-flow or foreign operator, a shape that cannot be
            inferred, or contradicts itself.
        BadInput: `shapes` names an input that the model has not.
    """
    builder = GraphBuilder(_opset(model), fuse_pattern)
    for tensor in model.graph.initializer:
        builder.add_constant(tensor.name, validation.array_of(tensor))
    inputs = tuple(value.name for value in model.graph.input if value.name not in builder.constants)
    for name in (shapes or {}).keys() - set(inputs):
        raise BadInput(f"no input is called '{name}'; the model has {', '.join(inputs)}")
    for value in model.graph.input:
        if value.name in inputs:
            dtype = validation.dtype_of(value.type.tensor_type.elem_type, f"input '{value.name}'")
            builder.declare(value.name, _shape(value, (shapes or {}).get(value.name)), dtype)
            builder.check_size(value.name)
    outputs = tuple(value.name for value in model.graph.output)
    read_by_name = {name for proto in model.graph.node for name in proto.input}.union(outputs)
    for proto in model.graph.node:
        node = _node(proto, read_by_name)
        builder.begin(node)
        node = replace(node, inputs=tuple(builder.source(name) for name in node.inputs))
        for name, (shape, dtype) in infer_shapes(proto, node, builder).items():
            builder.declare(name, shape, dtype)
        try:
            # What overflows on the way is found at the end.
            with np.errstate(all="ignore"):
                CANONICAL.get(node.operator, elementwise.unchanged)(node, builder)
        except (ArithmeticError, LookupError, ValueError) as error:
            # ONNX's inference lets some nodes pass whose parameters do not fit their inputs.
            raise ConversionRefused(f"{node} contradicts itself: {error}") from error
    builder.begin(Node("output", (), ()))
    for value in model.graph.output:
        builder.name_output(value.name, outputs)
        _check_output(value, builder.shapes[value.name])
    builder.nodes = needed(builder.nodes, outputs, attrgetter("inputs"), attrgetter("outputs"))
    with np.errstate(all="ignore"):
        fold_scale_and_offset(builder, outputs)
        fold_channel_order(builder, outputs)
    validation.check_numbers(builder.nodes, builder.constants)
    used = {*inputs, *outputs}.union(*((*node.inputs, *node.outputs) for node in builder.nodes))
    return Graph(
        nodes=tuple(builder.nodes),
        inputs=inputs,
        outputs=outputs,
        shapes={name: shape for name, shape in builder.shapes.items() if name in used},
        dtypes={name: dtype for name, dtype in builder.dtypes.items() if name in used},
        constants={name: value for name, value in builder.constants.items() if name in used},
        metadata={entry.key: entry.value for entry in model.metadata_props},
    )


def _opset(model: onnx.ModelProto) -> int:
    newest = onnx.defs.onnx_opset_version()
    versions = [int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not versions:
        domains = ", ".join(entry.domain for entry in model.opset_import)
        raise ConversionRefused(f"the model imports no operators of ONNX's own, only of {domains or 'no domain'}")
    if not 1 <= versions[0] <= newest:
        raise ConversionRefused(
            f"the model is of opset {versions[0]}; known are 1 to {newest}: export it with one of them"
        )
    return versions[0]


def _shape(value: onnx.ValueInfoProto, given: Shape | None) -> Shape:
    """An input's shape, fixed by `given` where the model leaves it open; an open batch is 1."""
    tensor = value.type.tensor_type
    sizes = [entry.dim_value if entry.dim_value > 0 else None for entry in tensor.shape.dim]
    if given is not None:
        is_equal = len(sizes) == len(given) and all(size in (None, one) for size, one in zip(sizes, given, strict=True))
        if tensor.HasField("shape") and not is_equal:
            found = ["?" if size is None else size for size in sizes]
            raise ConversionRefused(f"input '{value.name}' is {found} in the model, so it cannot be {list(given)}")
        return given
    if sizes and sizes[0] is None:
        sizes[0] = 1
    fixed = tuple(size for size in sizes if size is not None)
    if not tensor.HasField("shape") or len(fixed) < len(sizes):
        raise ConversionRefused(
            f"input '{value.name}' has a dynamic shape; phones want a fixed one: say which with "
            "`--size`, or export it so"
        )
    return fixed


def _check_output(value: onnx.ValueInfoProto, shape: Shape) -> None:
    """Check the shape that the model declares for an output."""
    tensor = value.type.tensor_type
    declared = [entry.dim_value if entry.dim_value > 0 else None for entry in tensor.shape.dim]
    is_so = len(declared) == len(shape) and all(
        said in (None, found) for said, found in zip(declared, shape, strict=True)
    )
    if tensor.HasField("shape") and not is_so:
        said = tuple("?" if size is None else size for size in declared)
        raise ConversionRefused(f"output '{value.name}' is {shape}, where the model says {said}; export it again")


def _node(proto: onnx.NodeProto, read_by_name: Collection[str]) -> Node:
    """A node as it is in the file, without the outputs after the last one that is read."""
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
    outputs = list(proto.output)
    # Where a Split cuts depends on all of its outputs.
    while len(outputs) > 1 and outputs[-1] not in read_by_name and proto.op_type != "Split":
        outputs.pop()
    return Node(proto.op_type, tuple(proto.input), tuple(outputs), attributes, proto.name or (outputs or [""])[0])


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return validation.array_of(value)
    if isinstance(value, list | tuple) or type(value).__name__.startswith("Repeated"):
        return tuple(_plain(item) for item in value)
    return value
