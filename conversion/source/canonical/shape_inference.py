"""Shapes and types of what a node of the file writes, by ONNX's own rules for its opset."""

from collections.abc import Mapping

import onnx
from onnx import numpy_helper
from onnx.helper import make_opsetid, make_tensor_type_proto, np_dtype_to_tensor_dtype
from onnx.shape_inference import InferenceError, infer_node_outputs

from conversion.source.canonical.builder import GraphBuilder
from conversion.source.canonical.validation import dtype_of
from conversion.source.node import Dtype, Node, Shape
from training.student.errors import ConversionRefused, one_line

_LONGEST = 256
"""Elements of a constant that inference may look at: shapes, bounds and scales have one for each axis."""

_LIKE_THEIR_INPUT = {"GroupNormalization", "LpNormalization", "MeanVarianceNormalization"}
"""Operators that ONNX defines by others and leaves without a rule of their own, or withdrew in some opsets."""


def infer_shapes(proto: onnx.NodeProto, node: Node, builder: GraphBuilder) -> Mapping[str, tuple[Shape, Dtype]]:
    """Shape and type of each output that the node names.

    Args:
        proto: The node as the file has it.
        node: The same with sources as inputs.
        builder: Knows the shapes of these.

    Raises:
        ConversionRefused: The operator is unknown to its opset, its inputs do not fit, or the shape depends on values.
    """
    for name in filter(builder.is_written, node.outputs):
        raise ConversionRefused(f"{node} writes '{name}', which is written before; repair the model")
    try:
        schema = onnx.defs.get_schema(proto.op_type, builder.opset, "")
    except onnx.defs.SchemaError as error:
        raise ConversionRefused(
            f"{node} is no operator of ONNX's opset {builder.opset}; export the model with operators of ONNX alone"
        ) from error
    if proto.op_type in _LIKE_THEIR_INPUT:
        return dict.fromkeys(proto.output, (builder.shapes[node.inputs[0]], builder.dtypes[node.inputs[0]]))
    given = {name: source for name, source in zip(proto.input, node.inputs, strict=True) if name}
    types = {
        name: make_tensor_type_proto(np_dtype_to_tensor_dtype(builder.dtypes[source]), builder.shapes[source])
        for name, source in given.items()
    }
    values = {
        name: numpy_helper.from_array(builder.constants[source], name)
        for name, source in given.items()
        if source in builder.constants and builder.constants[source].size <= _LONGEST
    }
    try:
        inferred = infer_node_outputs(
            schema, proto, types, values, opset_imports=[make_opsetid("", builder.opset)], ir_version=onnx.IR_VERSION
        )
    except (InferenceError, onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise ConversionRefused(f"{node} contradicts the model: {one_line(error)}") from error
    found = {}
    for name in filter(None, proto.output):
        tensor = inferred[name].tensor_type if name in inferred else onnx.TypeProto.Tensor()
        sizes = [entry.dim_value if entry.HasField("dim_value") else -1 for entry in tensor.shape.dim]
        if tensor.HasField("shape") and min(sizes, default=0) >= 0:
            found[name] = (tuple(sizes), dtype_of(tensor.elem_type, f"'{name}', which {node} writes,"))
        else:
            raise ConversionRefused(f"{node} writes '{name}' of unknown shape; simplify with onnxsim first")
    return found
