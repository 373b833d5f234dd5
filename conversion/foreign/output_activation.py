"""How a stranger's network ends: an activation behind its logits, which the contract wants without."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx.helper import get_attribute_value

from training.student.errors import BadInput

ACTIVATIONS = ("logits", "sigmoid", "softmax")
"""What an output can be."""

# What these write is no logits, and no logits can be had from it.
_BOUNDING = ("Softmax", "HardSigmoid", "Clip", "Relu", "Tanh")


@dataclass(frozen=True, slots=True)
class Ending:
    """The last operator of a network that does more than move numbers about."""

    operator: str = ""
    name: str = ""
    removable: bool = False
    """Whether without it the output is logits of the same masks."""
    source: str = ""
    """The tensor that it reads."""
    result: str = ""
    """The tensor that it writes."""


def find(nodes: Sequence[onnx.NodeProto], output: str, *, axis: int, opset: int) -> Ending:
    """The ending of a network whose classes lie along `axis` of its four-dimensional output."""
    by_output = {name: node for node in nodes for name in node.output}
    while (node := by_output.get(output)) is not None:
        if node.op_type == "Transpose":
            axis = _attribute(node, "perm", [3, 2, 1, 0])[axis]
        elif node.op_type != "Identity":
            removable = node.op_type == "Sigmoid" or (node.op_type == "Softmax" and _is_over(node, axis, opset))
            return Ending(node.op_type, node.name or node.output[0], removable, node.input[0], node.output[0])
        output = node.input[0]
    return Ending()


def judge(found: Ending, said: str | None) -> str:
    """Why the output cannot be made logits; empty where it can.

    Args:
        found: The network's ending.
        said: One of `ACTIVATIONS`, or None where the user says nothing.

    Raises:
        BadInput: What is said is not what is found.
    """
    ends = f"'{found.name}', a {found.operator}"
    if found.removable:
        if said not in (None, found.operator.lower()):
            raise BadInput(f"the network ends in {ends}, so that its output is no {said}; leave --activation out")
        return ""
    if said == "logits":
        return ""
    if said is not None:
        return f"the {said} of its output is no last operator that could be taken off"
    if found.operator in _BOUNDING:
        return f"the network ends in {ends}, so that its output is no logits; say --activation logits if it is"
    return ""


def without(nodes: Sequence[onnx.NodeProto], ending: Ending, output: str) -> tuple[list[onnx.NodeProto], str]:
    """The nodes without their ending, and the name of their output now."""
    kept = []
    for node in nodes:
        if ending.result not in node.output:
            kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
            kept[-1].input[:] = [ending.source if name == ending.result else name for name in node.input]
    return kept, ending.source if output == ending.result else output


def _is_over(softmax: onnx.NodeProto, axis: int, opset: int) -> bool:
    """Whether a Softmax of four dimensions is over one axis alone, and that one."""
    own = _attribute(softmax, "axis", -1 if opset >= 13 else 1) % 4
    # The older one runs over all axes from its own on.
    return bool(own == axis) and (opset >= 13 or axis == 3)


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    return next((get_attribute_value(one) for one in node.attribute if one.name == name), default)
