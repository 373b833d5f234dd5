"""Wraps an ONNX model that was not trained here so that it keeps the contract: raw RGB in, logits out.

Normalisation is put in front of the model's own nodes, and a final activation is removed. Both are done in ONNX, so
that one graph serves every target. All other nodes stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.helper import make_empty_tensor_value_info, make_graph, make_model, make_node, make_tensor_value_info

from conversion.foreign import output_activation
from conversion.foreign.input_spec import InputSpec, ModelSpec
from conversion.runtimes.isolated import IsolatedModel
from conversion.runtimes.runner import Runner
from conversion.source.graph import Graph, read_graph
from conversion.source.node import needed
from training.student.contract import CONVENTIONS, STRIDES, Contract
from training.student.errors import BadInput, ConversionRefused

IMAGE, LOGITS = CONVENTIONS["input"], CONVENTIONS["output"]


@dataclass(frozen=True, slots=True)
class WrappedModel:
    """A model that keeps the contract, with a reference to compare its artefacts with."""

    graph: Graph
    """From `image` (1, 3, H, W) to `logits` (1, C, rows, columns)."""
    contract: Contract | None
    reference: Runner
    """The model's own nodes in ONNX Runtime, with an input prepared by numpy: independent of the nodes put in front."""
    notes: tuple[str, ...]
    """What was removed, and why there is no contract if there is none."""


def wrap_model(model: onnx.ModelProto, spec: ModelSpec) -> WrappedModel:
    """Fix a model's shapes, fold in its normalisation, and remove a final activation.

    Raises:
        BadInput: The spec does not fit the model.
        ConversionRefused: The model has dynamic shapes that the spec does not fix, or is not a static network.
    """
    image = _image_input(model)
    size = _input_size(image, spec)
    output = _output_name(model, spec.output)
    nodes = needed(model.graph.node, [output], attrgetter("input"), attrgetter("output"))
    as_given = _build_graph(model, nodes, image.name, size, output, spec.input, channels_last=False)
    shape = _scores_shape(as_given, output)
    channels_last = _is_channels_last(shape, size, spec.input.layout)
    class_axis = 3 if channels_last else 1
    last = output_activation.find_last_operator(nodes, output, axis=class_axis, opset=_opset(model))
    reason = output_activation.why_not_logits(last, spec.activation)
    notes = []
    if last.removable:
        nodes, output = output_activation.remove_operator(nodes, last, output)
        notes.append(f"{last.operator} '{last.name}' was removed from the end: the contract promises logits")
    contract, why_none = _contract(shape, channels_last, size, spec.classes)
    if reason := reason or why_none:
        if spec.classes:
            raise BadInput(f"--classes cannot be used, because the model gets no contract: {reason}")
        contract = None
        notes.append(f"no contract: {reason}")
    wrapped = _build_graph(model, nodes, image.name, size, output, spec.input, channels_last=channels_last)
    reference = _onnxruntime_reference(model, nodes, image.name, output, spec.input, channels_last=channels_last)
    return WrappedModel(wrapped, contract, reference, tuple(notes))


def _image_input(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(f"'{value.name}'" for value in inputs) or "none"
        raise BadInput(f"the model has inputs {names}; expected one image: export it with the others made constants")
    image: onnx.ValueInfoProto = inputs[0]
    return image


def _input_size(image: onnx.ValueInfoProto, spec: ModelSpec) -> tuple[int, int]:
    """(height, width) of the input, from the model or else from the spec."""
    layout, tensor = spec.input.layout, image.type.tensor_type
    sizes = [entry.dim_value if entry.dim_value > 0 else None for entry in tensor.shape.dim]
    shown = f"input '{image.name}' is {['?' if size is None else size for size in sizes]}"
    if tensor.elem_type != onnx.TensorProto.FLOAT:
        raise BadInput(f"{shown} of {_type_name(tensor.elem_type)}; expected float32: export the model in float32")
    channels, rows, columns = (1, 2, 3) if layout == "nchw" else (3, 1, 2)
    if len(sizes) != 4 or sizes[0] not in (None, 1) or sizes[channels] not in (None, 3):
        other = "nhwc" if layout == "nchw" else "nchw"
        hint = f"; is it --layout {other}?" if len(sizes) == 4 and sizes[4 - channels] == 3 else ""
        raise BadInput(f"{shown}; expected one RGB image in {layout}{hint}")
    fixed = sizes[rows], sizes[columns]
    if None in fixed and spec.size is None:
        raise ConversionRefused(f"{shown}; phones want a fixed size: say which with --size HxW, such as --size 256x256")
    if spec.size and any(one not in (None, other) for one, other in zip(fixed, spec.size, strict=True)):
        raise BadInput(f"{shown}, so its size cannot be {spec.size[0]} × {spec.size[1]}; leave --size out")
    height, width = (one or other for one, other in zip(fixed, spec.size or fixed, strict=True))
    assert height is not None
    assert width is not None
    return height, width


def _type_name(number: int) -> str:
    name: str = onnx.TensorProto.DataType.Name(number)
    return name.lower()


def _output_name(model: onnx.ModelProto, requested: str | None) -> str:
    names: list[str] = [value.name for value in model.graph.output]
    if requested is None:
        if len(names) != 1:
            raise BadInput(f"the model has outputs {', '.join(names)}; choose one with --output NAME")
        return names[0]
    if requested not in {name for node in model.graph.node for name in node.output}:
        raise BadInput(f"the model computes no '{requested}'; its outputs are {', '.join(names)}")
    return requested


def _opset(model: onnx.ModelProto) -> int:
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)


def _build_graph(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    image: str,
    size: tuple[int, int],
    output: str,
    input_spec: InputSpec,
    *,
    channels_last: bool,
) -> Graph:
    """The typed graph from `image` to `logits`, around a model's own nodes.

    `channels_last` says whether the classes are the last axis of the model's own output.
    """
    # Tensors of the model that have our names already are renamed.
    own = {name: f"{name}/own" for name in (IMAGE, LOGITS)}
    own_nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    for node in own_nodes:
        node.input[:] = [own.get(name, name) for name in node.input]
        node.output[:] = [own.get(name, name) for name in node.output]
    normalisation, constants = input_spec.as_nodes(IMAGE, own.get(image, image))
    attributes: dict[str, Any] = {"perm": [0, 3, 1, 2]} if channels_last else {}
    tail = make_node("Transpose" if channels_last else "Identity", [own.get(output, output)], [LOGITS], **attributes)
    body = make_graph(
        [*normalisation, *own_nodes, tail],
        model.graph.name or "wrapped",
        [make_tensor_value_info(IMAGE, onnx.TensorProto.FLOAT, (1, 3, *size))],
        [make_empty_tensor_value_info(LOGITS)],
        constants,
    )
    for tensor in model.graph.initializer:
        body.initializer.add().CopyFrom(tensor)
        body.initializer[-1].name = own.get(tensor.name, tensor.name)
    if _opset(model) < 7 and constants:
        raise ConversionRefused(
            f"the model is of opset {_opset(model)}, to which no normalisation can be added; export it with 7 or newer"
        )
    wrapped = make_model(body, opset_imports=model.opset_import, ir_version=model.ir_version)
    wrapped.metadata_props.extend(model.metadata_props)
    return read_graph(wrapped)


def _scores_shape(wrapped: Graph, output: str) -> tuple[int, ...]:
    shape, dtype = wrapped.shapes[LOGITS], wrapped.dtypes[LOGITS]
    if len(shape) != 4 or shape[0] != 1 or dtype != np.float32:
        raise BadInput(
            f"output '{output}' is {dtype} of shape {list(shape)}; expected float32 scores (1, classes, rows, "
            "columns): name the tensor that holds them with --output"
        )
    return shape


def _stride(rows: int, columns: int, size: tuple[int, int]) -> int | None:
    """Input pixels per score along both axes; None where the contract allows no such stride."""
    stride = size[0] // rows
    is_even = (rows * stride, columns * stride) == size
    return stride if is_even and stride in STRIDES else None


def _is_channels_last(shape: tuple[int, ...], size: tuple[int, int], layout: str) -> bool:
    """Whether the classes are the output's last axis.

    Its sizes tell where only one order of axes gives a stride; otherwise it is taken to be like the input's layout.
    """
    first, last = _stride(shape[2], shape[3], size), _stride(shape[1], shape[2], size)
    if (first is None) == (last is None):
        return layout == "nhwc"
    return last is not None


def _contract(
    shape: tuple[int, ...], channels_last: bool, size: tuple[int, int], classes: tuple[str, ...]
) -> tuple[Contract | None, str]:
    """The contract, or None and the reason."""
    count, rows, columns = (shape[3], *shape[1:3]) if channels_last else shape[1:]
    if (stride := _stride(rows, columns, size)) is None:
        known = ", ".join(map(str, STRIDES))
        return None, (
            f"the output is {rows} × {columns} for an input of {size[0]} × {size[1]}; expected a stride of {known}"
        )
    names = classes or (("foreground",) if count == 1 else tuple(f"class {i}" for i in range(count)))
    if len(names) != count:
        raise BadInput(f"--classes names {len(names)} classes, but the output has {count} channels")
    return Contract(*size, stride, names), ""


def _onnxruntime_reference(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    image: str,
    output: str,
    input_spec: InputSpec,
    *,
    channels_last: bool,
) -> Runner:
    own = onnx.ModelProto()
    own.CopyFrom(model)
    del own.graph.node[:], own.graph.output[:]
    own.graph.node.extend(nodes)
    own.graph.output.append(make_empty_tensor_value_info(output))
    try:
        opened = IsolatedModel("onnxruntime", own.SerializeToString())
    except BadInput as error:
        raise ConversionRefused(f"ONNX Runtime cannot run the model, so nothing can be compared: {error}") from error

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        scores: NDArray[Any] = opened.run([input_spec.apply(pixels)])[0][0]
        return np.ascontiguousarray(scores.transpose(2, 0, 1) if channels_last else scores)

    return run
