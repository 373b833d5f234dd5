"""Reductions over axes: Reduce*, ArgMax and ArgMin."""

from collections.abc import Callable

from conversion.coreml.builder import Builder
from conversion.source.graph import Node

Emitter = Callable[[Node, Builder], None]


def reduce(operator: str) -> Emitter:
    """A reduction over some axes.

    Raises:
        ConversionRefused: It is the mean of whole numbers, which MIL rounds in no stated way.
    """

    def emit(node: Node, builder: Builder) -> None:
        if operator == "reduce_mean" and not builder.is_real(node.inputs[0]):
            raise builder.refusal(node, "the mean of", builder.graph.dtypes[node.inputs[0]], "cast to float")
        arguments = {"axes": list(node.attributes["axes"]), "keep_dims": bool(node.attributes["keepdims"])}
        x = builder.number(node.inputs[0])
        if builder.graph.dtypes[node.inputs[0]].kind != "b":
            builder.write(node, operator, x=x, **arguments)
        else:
            reduced = builder.intermediate(node, operator, x=x, **arguments)
            builder.write(node, "cast", x=reduced, dtype="bool")

    return emit


def index_of_extreme(operator: str) -> Emitter:
    """ArgMax or ArgMin; which of equal values counts is left open by MIL.

    Raises:
        ConversionRefused: The last of equal values is asked for.
    """

    def emit(node: Node, builder: Builder) -> None:
        if node.attributes["select_last_index"]:
            raise builder.refusal(node, "select_last_index", 1, "use 0")
        axis, keepdims = node.attributes["axis"], bool(node.attributes["keepdims"])
        builder.write(node, operator, x=builder.read(node.inputs[0]), axis=axis, keep_dims=keepdims)

    return emit
