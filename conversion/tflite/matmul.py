"""MatMul: by constant weights, or of two computed tensors."""

import numpy as np

from conversion.source.graph import Node
from conversion.tflite import layout
from conversion.tflite.builder import Builder
from training.student.arrays import Array


def matmul(node: Node, builder: Builder) -> None:
    """MatMul as FULLY_CONNECTED where one side is a constant matrix, otherwise as BATCH_MATMUL.

    A third input, which `fusion` gives it, is a bias along the last axis.
    """
    left, right = node.inputs[:2]
    for name in (left, right):
        if len(builder.shape(name)) < 2:
            raise builder.refusal(
                node, f"operand '{name}' of shape", builder.shape(name), "reshape it to rank 2 in the model"
            )
    if _is_matrix(right, builder):
        _fully_connected(node, left, right, builder.constants[right].T, -1, builder)
    elif _is_matrix(left, builder):
        _fully_connected(node, right, left, builder.constants[left], -2, builder)
    else:
        _batched(node, builder)


def _is_matrix(name: str, builder: Builder) -> bool:
    return name in builder.constants and len(builder.shape(name)) == 2


def _fully_connected(node: Node, name: str, constant: str, weights: Array, axis: int, builder: Builder) -> None:
    """Contract one axis of a tensor with the columns of `weights`, (outputs, inputs); it lies last on both sides."""
    rank = len(builder.shape(name))
    order = layout.with_last(builder.order(name), axis % rank)
    bias = builder.required_constant(node, 2).reshape(-1) if len(node.inputs) > 2 else np.zeros(1)
    inputs = [
        builder.read(name, order),
        builder.weights(node, constant, weights),
        builder.weights(node, f"{node.outputs[0]}/bias", np.broadcast_to(bias, len(weights))),
    ]
    builder.write(node, "FULLY_CONNECTED", inputs, order, keepNumDims=rank != 2)


def _batched(node: Node, builder: Builder) -> None:
    """Both operands with their batches in the graph's order; that of their last two axes is free."""
    straight = tuple(range(len(builder.shape(node.outputs[0]))))
    swapped = (*straight[:-2], straight[-1], straight[-2])
    orders = [swapped if _prefers(name, swapped, straight, builder) else straight for name in node.inputs]
    if node.inputs[0] == node.inputs[1]:
        # XNNPACK takes a TRANSPOSE in front into the product; of one tensor that both sides read it made xᵀx.
        orders = [straight, swapped]
    operands = [builder.read(name, order) for name, order in zip(node.inputs, orders, strict=True)]
    adjoint = [order == swapped for order in orders]
    builder.write(node, "BATCH_MATMUL", operands, straight, adjX=adjoint[0], adjY=adjoint[1])


def _prefers(name: str, order: layout.Order, other: layout.Order, builder: Builder) -> bool:
    return builder.is_at_hand(name, order) and not builder.is_at_hand(name, other)
