"""Pools over a window: MaxPool and AveragePool."""

from typing import Any

from conversion.source.canonical.builder import GraphBuilder
from conversion.source.canonical.convolution import window
from conversion.source.node import Node


def max_pool(node: Node, builder: GraphBuilder) -> None:
    """MaxPool; its second output, if read, stays for an emitter to judge."""
    indices = {"storage_order": node.attributes.get("storage_order", 0)} if len(node.outputs) > 1 else {}
    builder.write("MaxPool", node.inputs, node.outputs, **_pool(node, builder), **indices)


def average_pool(node: Node, builder: GraphBuilder) -> None:
    """AveragePool."""
    counts = node.attributes.get("count_include_pad", 0)
    builder.write("AveragePool", node.inputs, node.outputs, **_pool(node, builder), count_include_pad=counts)


def _pool(node: Node, builder: GraphBuilder) -> dict[str, Any]:
    kernel = tuple(node.attributes["kernel_shape"])
    attributes = window(node, kernel, builder)
    return {"kernel_shape": kernel, **attributes, "ceil_mode": node.attributes.get("ceil_mode", 0)}
