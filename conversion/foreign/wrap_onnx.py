"""A model not trained here, made to keep our contract: raw RGB in, logits out, under the contract's names.

Its own nodes stay as they are. What goes in front of them, and comes off their end, is done in ONNX, so that one graph
serves every target.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.helper import make_empty_tensor_value_info, make_graph, make_model, make_node, make_tensor_value_info

from conversion.foreign import output_activation
from conversion.foreign.input_spec import Expected, Wishes
from conversion.runtimes.runner import Runner
from conversion.source import graph
from conversion.source.graph import Graph
from training.student.contract import CONVENTIONS, STRIDES, Contract
from training.student.errors import BadInput, ConversionRefused

IMAGE, LOGITS = CONVENTIONS["input"], CONVENTIONS["output"]


@dataclass(frozen=True, slots=True)
class Adopted:
    """A stranger's model under our names."""

    graph: Graph
    """From `image` (1, 3, H, W) to `logits` (1, C, rows, columns)."""
    contract: Contract | None
    reference: Runner
    """The stranger's own nodes in ONNX Runtime, its input prepared by numpy: independent of what was put in front."""
    notes: tuple[str, ...]
    """What was taken off, and why there is no contract if there is none."""


def adopt(model: onnx.ModelProto, wishes: Wishes) -> Adopted:
    """Fix a model's shapes, fold in what it expects of its input, and take off a final activation.

    Raises:
        BadInput: What the user says does not fit the model.
        ConversionRefused: The model has dynamic shapes that nobody fixed, or is no static network.
    """
    image = _image(model)
    size = _size(image, wishes)
    output = _output(model, wishes.output)
    nodes = _needed(model.graph.node, output)
    shape = _scores(_read(model, nodes, image.name, size, output, wishes.expected, is_last=False), output)
    is_last = _is_last(shape, size, wishes.expected.layout)
    found = output_activation.find(nodes, output, axis=len(shape) - 1 if is_last else 1, opset=_opset(model))
    reason = output_activation.judge(found, wishes.activation)
    notes = []
    if found.removable:
        nodes, output = output_activation.without(nodes, found, output)
        notes.append(f"{found.operator} '{found.name}' was taken off the end, since the contract promises logits")
    contract, other = _contract(shape, is_last, size, wishes.classes)
    if reason := reason or other:
        if wishes.classes:
            raise BadInput(f"--classes has no contract to go to: {reason}")
        contract = None
        notes.append(f"no contract: {reason}")
    adopted = _read(model, nodes, image.name, size, output, wishes.expected, is_last=is_last)
    reference = _reference(model, nodes, image.name, output, wishes.expected, is_last=is_last)
    return Adopted(adopted, contract, reference, tuple(notes))


def _image(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(f"'{value.name}'" for value in inputs) or "none"
        raise BadInput(f"the model has inputs {names}; expected one image: export it with the others made constants")
    image: onnx.ValueInfoProto = inputs[0]
    return image


def _size(image: onnx.ValueInfoProto, wishes: Wishes) -> tuple[int, int]:
    """Rows and columns of the input, from the model or else from the user."""
    layout, tensor = wishes.expected.layout, image.type.tensor_type
    sizes = [entry.dim_value if entry.dim_value > 0 else None for entry in tensor.shape.dim]
    shown = f"input '{image.name}' is {['?' if size is None else size for size in sizes]}"
    if tensor.elem_type != onnx.TensorProto.FLOAT:
        raise BadInput(f"{shown} of {_type(tensor.elem_type)}; expected float32: export the model in float32")
    channels, rows, columns = (1, 2, 3) if layout == "nchw" else (3, 1, 2)
    if len(sizes) != 4 or sizes[0] not in (None, 1) or sizes[channels] not in (None, 3):
        other = "nhwc" if layout == "nchw" else "nchw"
        hint = f"; is it --layout {other}?" if len(sizes) == 4 and sizes[4 - channels] == 3 else ""
        raise BadInput(f"{shown}; expected one RGB image in {layout}{hint}")
    fixed = sizes[rows], sizes[columns]
    if None in fixed and wishes.size is None:
        raise ConversionRefused(f"{shown}; phones want a fixed size: say which with --size HxW, such as --size 256x256")
    if wishes.size and any(one not in (None, other) for one, other in zip(fixed, wishes.size, strict=True)):
        raise BadInput(f"{shown}, so that its size cannot be {wishes.size[0]} × {wishes.size[1]}; leave --size out")
    height, width = (one or other for one, other in zip(fixed, wishes.size or fixed, strict=True))
    assert height is not None
    assert width is not None
    return height, width


def _type(number: int) -> str:
    name: str = onnx.TensorProto.DataType.Name(number)
    return name.lower()


def _output(model: onnx.ModelProto, wished: str | None) -> str:
    names: list[str] = [value.name for value in model.graph.output]
    if wished is None:
        if len(names) != 1:
            raise BadInput(f"the model has outputs {', '.join(names)}; choose one with --output NAME")
        return names[0]
    if wished not in {name for node in model.graph.node for name in node.output}:
        raise BadInput(f"the model computes no '{wished}'; its outputs are {', '.join(names)}")
    return wished


def _needed(nodes: Sequence[onnx.NodeProto], output: str) -> list[onnx.NodeProto]:
    """Those that the output depends on, in order."""
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


def _opset(model: onnx.ModelProto) -> int:
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)


def _read(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    image: str,
    size: tuple[int, int],
    output: str,
    expected: Expected,
    *,
    is_last: bool,
) -> Graph:
    """The typed graph from `image` to `logits` around a model's own nodes; `is_last`: whether its classes come last."""
    # Whatever the model itself calls so steps aside.
    own = {name: f"{name}/own" for name in (IMAGE, LOGITS)}
    inside = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    for node in inside:
        node.input[:] = [own.get(name, name) for name in node.input]
        node.output[:] = [own.get(name, name) for name in node.output]
    front, constants = expected.fold(IMAGE, own.get(image, image))
    attributes: dict[str, Any] = {"perm": [0, 3, 1, 2]} if is_last else {}
    tail = make_node("Transpose" if is_last else "Identity", [own.get(output, output)], [LOGITS], **attributes)
    body = make_graph(
        [*front, *inside, tail],
        model.graph.name or "adopted",
        [make_tensor_value_info(IMAGE, onnx.TensorProto.FLOAT, (1, 3, *size))],
        [make_empty_tensor_value_info(LOGITS)],
        constants,
    )
    for tensor in model.graph.initializer:
        body.initializer.add().CopyFrom(tensor)
        body.initializer[-1].name = own.get(tensor.name, tensor.name)
    if _opset(model) < 7 and constants:
        raise ConversionRefused(
            f"the model is of opset {_opset(model)}, in which nothing can be put in front; export it with 7 or newer"
        )
    adopted = make_model(body, opset_imports=model.opset_import, ir_version=model.ir_version)
    adopted.metadata_props.extend(model.metadata_props)
    return graph.read(adopted)


def _scores(adopted: Graph, output: str) -> tuple[int, ...]:
    shape, dtype = adopted.shapes[LOGITS], adopted.dtypes[LOGITS]
    if len(shape) != 4 or shape[0] != 1 or dtype != np.float32:
        raise BadInput(
            f"output '{output}' is {dtype} of shape {list(shape)}; expected float32 scores (1, classes, rows, "
            "columns): name the tensor that holds them with --output"
        )
    return shape


def _stride(rows: int, columns: int, size: tuple[int, int]) -> int | None:
    """Pixels of the input per score along both axes, where that is a stride of the contract."""
    found = size[0] // rows
    is_even = (rows * found, columns * found) == size
    return found if is_even and found in STRIDES else None


def _is_last(shape: tuple[int, ...], size: tuple[int, int], layout: str) -> bool:
    """Whether the classes are the output's last axis: as its sizes tell, or else like the input's channels."""
    first, last = _stride(shape[2], shape[3], size), _stride(shape[1], shape[2], size)
    if (first is None) == (last is None):
        return layout == "nhwc"
    return last is not None


def _contract(
    shape: tuple[int, ...], is_last: bool, size: tuple[int, int], classes: tuple[str, ...]
) -> tuple[Contract | None, str]:
    """The contract, or why there is none."""
    count, rows, columns = (shape[3], *shape[1:3]) if is_last else shape[1:]
    if (stride := _stride(rows, columns, size)) is None:
        known = ", ".join(map(str, STRIDES))
        return None, f"an output of {rows} × {columns} for an input of {size[0]} × {size[1]} is of no stride {known}"
    names = classes or (("foreground",) if count == 1 else tuple(f"class {i}" for i in range(count)))
    if len(names) != count:
        raise BadInput(f"--classes names {len(names)} classes, the output has {count} channels")
    return Contract(*size, stride, names), ""


def _reference(
    model: onnx.ModelProto,
    nodes: Sequence[onnx.NodeProto],
    image: str,
    output: str,
    expected: Expected,
    *,
    is_last: bool,
) -> Runner:
    import onnxruntime

    own = onnx.ModelProto()
    own.CopyFrom(model)
    del own.graph.node[:], own.graph.output[:]
    own.graph.node.extend(nodes)
    own.graph.output.append(make_empty_tensor_value_info(output))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(own.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises kinds of its own
        raise ConversionRefused(f"ONNX Runtime cannot run the model, so nothing could be compared: {error}") from error

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        scores: NDArray[Any] = session.run([output], {image: expected.apply(pixels)})[0][0]
        return np.ascontiguousarray(scores.transpose(2, 0, 1) if is_last else scores)

    return run
