"""Finds the activation at the end of a network and removes it, because the contract promises logits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx.helper import get_attribute_value

from training.student.errors import BadInput

ACTIVATIONS = ("logits", "sigmoid", "softmax")
"""The kinds of output that a user can state."""

# Their outputs are not logits, and the logits cannot be recovered from them.
_BOUNDED = ("Softmax", "HardSigmoid", "Clip", "Relu", "Tanh")


@dataclass(frozen=True, slots=True)
class LastOperator:
    """The last operator of a network that computes something (an Identity or a Transpose does not)."""

    operator: str = ""
    """Its ONNX type; empty where there is none."""
    name: str = ""
    removable: bool = False
    """Whether the output without it is logits that give the same masks."""
    input: str = ""
    """The tensor that it reads."""
    output: str = ""
    """The tensor that it writes."""


def find_last_operator(nodes: Sequence[onnx.NodeProto], output: str, *, axis: int, opset: int) -> LastOperator:
    """The last operator of a network whose classes lie along `axis` of its four-dimensional output."""
    by_output = {name: node for node in nodes for name in node.output}
    while (node := by_output.get(output)) is not None:
        if node.op_type == "Transpose":
            axis = _attribute(node, "perm", [3, 2, 1, 0])[axis]
        elif node.op_type != "Identity":
            removable = node.op_type == "Sigmoid" or (node.op_type == "Softmax" and _is_over_axis(node, axis, opset))
            return LastOperator(node.op_type, node.name or node.output[0], removable, node.input[0], node.output[0])
        output = node.input[0]
    return LastOperator()


def why_not_logits(last: LastOperator, stated: str | None) -> str:
    """The reason why the output cannot become logits; empty if it can.

    Args:
        last: The network's last operator.
        stated: What the user says that the output is: one of `ACTIVATIONS`, or None.

    Raises:
        BadInput: The user states something else than what was found.
    """
    ends = f"'{last.name}', a {last.operator}"
    if last.removable:
        if stated not in (None, last.operator.lower()):
            raise BadInput(f"the network ends in {ends}, so its output is not {stated}; leave --activation out")
        return ""
    if stated == "logits":
        return ""
    if stated is not None:
        return f"the network does not end in a {stated} operator that could be removed"
    if last.operator in _BOUNDED:
        return f"the network ends in {ends}, so its output is not logits; pass --activation logits if it is"
    return ""


def remove_operator(
    nodes: Sequence[onnx.NodeProto], last: LastOperator, output: str
) -> tuple[list[onnx.NodeProto], str]:
    """The nodes without their last operator, and the name of their new output."""
    kept = []
    for node in nodes:
        if last.output not in node.output:
            kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
            kept[-1].input[:] = [last.input if name == last.output else name for name in node.input]
    return kept, last.input if output == last.output else output


def _is_over_axis(softmax: onnx.NodeProto, axis: int, opset: int) -> bool:
    """Whether a Softmax of four dimensions is over this axis, and over no other."""
    own = _attribute(softmax, "axis", -1 if opset >= 13 else 1) % 4
    # Before opset 13 it runs over its own axis and all that follow.
    return bool(own == axis) and (opset >= 13 or axis == 3)


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    return next((get_attribute_value(one) for one in node.attribute if one.name == name), default)
