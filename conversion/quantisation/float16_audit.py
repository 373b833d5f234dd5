"""The float16 audit: which operators would lose too much in float16, found on photos before a package is made.

An operator is at risk

* when a tensor that it reads or writes comes near float16's largest number;
* when a sum inside it may exceed float16's largest number;
* when rounding its weights, inputs and result to float16, and nothing else, costs the output half of what the fp16
  budget allows. Causes are a large mean with a small variation, or values too small to keep their digits.

Such operators stay float32 in a Core ML package. TFLite's fp16 files need no audit: they store weights in float16 and
compute in float32.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conversion.gate.drift import decibels, read_budgets
from conversion.source.graph import Graph
from conversion.source.reference import Reference, Values
from training.student.arrays import Array, Pixels, channels_first

LARGEST = float(np.finfo(np.float16).max)
HEADROOM = 4
"""Other photos than the audited ones may make a tensor this many times larger."""
FOLLOWED = 4
"""Photos on which the effect of an operator's rounding on the output is measured; ranges are audited on all."""
SHARE = 2
"""One operator may use the fp16 budget divided by this."""

SUMS: Mapping[str, Callable[[Array, int], Array]] = {
    "ReduceMean": lambda means, count: means * count,
    "ReduceSum": lambda sums, _: sums,
}
"""Operators that add up many values: their sums, computed from their results and the number of values in each."""


@dataclass(frozen=True, slots=True)
class Float16Risk:
    """An operator that must not compute in float16."""

    operator: str
    """As errors and reports name it."""
    tensor: str
    """Its first output, by which the Core ML emitter knows it."""
    reason: str


def float16_risks(graph: Graph, photos: Sequence[Pixels]) -> tuple[Float16Risk, ...]:
    """The operators of `graph` that are at risk in float16, in the order of execution.

    Args:
        graph: With one input (1, 3, H, W) of raw RGB.
        photos: Inputs (H, W, 3) to audit on, such as photos that the student learnt from.
    """
    exact, half = Reference(graph), Reference(_with_half_weights(graph))
    found: dict[int, Float16Risk] = {}
    for count, photo in enumerate(photos):
        values = exact.trace(channels_first(photo))
        for place, node in enumerate(graph.nodes):
            if place in found:
                continue
            reason = _overflow(place, exact, values)
            if not reason and count < FOLLOWED:
                reason = _rounding_loss(place, exact, half, values)
            if reason:
                found[place] = Float16Risk(str(node), node.outputs[0], reason)
    return tuple(found[place] for place in sorted(found))


def _overflow(place: int, exact: Reference, values: Values) -> str:
    """Why a node may overflow in float16; empty if it does not."""
    node = exact.graph.nodes[place]
    for name in (*exact.reads(node), *filter(None, node.outputs)):
        # Written so that NaN is at risk.
        if _is_real(values[name]) and not (largest := _largest(values[name])) <= LARGEST / HEADROOM:
            return f"'{name}' reaches {largest:.3g} where float16 ends at {LARGEST:.0f}"
    if (total := _largest_sum(place, exact, values)) > LARGEST:
        return f"a sum inside it may reach {total:.3g} where float16 ends at {LARGEST:.0f}"
    return ""


def _rounding_loss(place: int, exact: Reference, half: Reference, values: Values) -> str:
    """How much the output loses if this node alone computes in float16; empty if that is little enough."""
    node = exact.graph.nodes[place]
    rounded = half.step(place, {name: rounded_to_float16(values[name]) for name in exact.reads(node)})
    rounded = {name: rounded_to_float16(value) for name, value in rounded.items()}
    # Most lose so little of their own output's variation that they need not be followed to the end.
    if max(_loss(values[name], rounded[name], _variation(values[name])) for name in rounded) <= _allowed_loss():
        return ""
    outputs = exact.resume(place, {**values, **rounded})
    loss = max(_loss(values[name], outputs[name], float(np.ptp(values[name]))) for name in outputs)
    if loss <= _allowed_loss():
        return ""
    return f"in float16 it alone takes the output to {decibels(span=1, rms=loss):.1f} dB"


@functools.cache
def _allowed_loss() -> float:
    """RMS error of the output, as a share of its range."""
    psnr: float = read_budgets()[0]["fp16"]["psnr"]
    return float(10 ** (-psnr / 20)) / SHARE


def _loss(reference: Array, candidate: Array, scale: float) -> float:
    """RMS difference as a share of `scale`; infinite if the candidate has a NaN or the scale is 0."""
    with np.errstate(invalid="ignore"):
        rms = float(np.sqrt(np.mean((candidate.astype(np.float64) - reference) ** 2)))
    if rms == 0:
        return 0.0
    return rms / scale if np.isfinite(rms) and scale > 0 else np.inf


def _largest(value: Array) -> float:
    return float(np.abs(value).max(initial=0))


def _variation(value: Array) -> float:
    """The standard deviation within the slices of an axis (RMS over slices), for the axis with the least."""
    wide = value.astype(np.float64)
    spreads = [
        np.sqrt(np.mean(wide.var(axis=tuple(other for other in range(wide.ndim) if other != axis))))
        for axis in range(wide.ndim)
        if wide.shape[axis] > 1
    ]
    return float(min(spreads, default=0.0))


def _largest_sum(place: int, exact: Reference, values: Values) -> float:
    """The largest sum of magnitudes, or of squares, that a node may compute on its way."""
    node = exact.graph.nodes[place]
    if node.operator not in {"LayerNormalization", *SUMS}:
        return 0.0
    value = values[node.inputs[0]].astype(np.float64)
    if node.operator == "LayerNormalization":
        axes = tuple(range(node.attributes["axis"], value.ndim))
        return _largest(((value - value.mean(axes, keepdims=True)) ** 2).sum(axes))
    magnitudes = {node.inputs[0]: np.abs(values[node.inputs[0]])}
    given = exact.step(place, magnitudes)[node.outputs[0]]
    return _largest(SUMS[node.operator](given.astype(np.float64), value.size // max(given.size, 1)))


def rounded_to_float16(value: Array) -> Array:
    """Real numbers rounded to float16, infinite beyond its range, in their own type; others as they are."""
    with np.errstate(over="ignore"):
        return value.astype(np.float16).astype(value.dtype) if _is_real(value) else value


def _is_real(value: Array) -> bool:
    return value.dtype.kind == "f"


def _with_half_weights(graph: Graph) -> Graph:
    return replace(graph, constants={name: rounded_to_float16(value) for name, value in graph.constants.items()})
