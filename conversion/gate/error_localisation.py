"""Where along the graph an artefact drifts, and after which operator it has left its budget.

The candidate's tensors are compared one by one with those of the typed graph in ONNX Runtime. An operator is blamed by
exchange: the candidate computes the graph up to some operator, the reference the rest. The first operator behind which
even an exact rest breaches the hop's budget is at fault, since up to there the candidate alone has used it up. So the
budget stays what it is, measured at the logits and the mask.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conversion.gate.drift import Budget, breaches, decibels, measure
from conversion.gate.forms import Photo, Prediction, evaluate_masks
from conversion.gate.traces import Tracer
from conversion.source.reference import Reference
from training.student.arrays import Array, channels_first
from training.student.contract import Contract


@dataclass(frozen=True, slots=True)
class Point:
    """What has drifted by the time one operator is done."""

    operator: str
    tensor: str
    """What it gives."""
    psnr: float
    """dB: the tensor's own range over its RMS difference from the reference."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a hop leaves its budget."""

    operators: tuple[str, ...]
    """The operator, with those that the artefact computes in one with it, such as an activation."""
    tensor: str
    """What they give."""
    breaches: tuple[str, ...]
    """Of the hop's budget, by the candidate up to here and an exact rest."""
    largest_error: float
    """Of a pixel of the tensor, as the mean over its channels: the brightest spot of the picture."""


@dataclass(frozen=True, slots=True)
class Trail:
    """One hop along the graph, on one photo."""

    photo: str
    points: tuple[Point, ...]
    """In the order of execution; of the tensors that the artefact holds."""
    fault: Fault | None


READING = "reading the ONNX file"
"""At fault when the typed graph itself leaves the budget, before any operator of the artefact."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A candidate and a reference that computed the same photo, tensor by tensor."""

    reference: Reference
    exact: Mapping[str, Array]
    held: Mapping[str, Array]
    """The candidate's tensors by the graph's names; the input belongs to both."""

    def points(self) -> tuple[Point, ...]:
        """The drift after every operator whose result the candidate holds."""
        return tuple(
            Point(str(node), name, _psnr(reference=self.exact[name], candidate=self.held[name]))
            for node in self.reference.graph.nodes
            for name in node.outputs
            if name in self.held
        )

    def logits(self, after: int) -> NDArray[np.float32]:
        """(channels, rows, columns): the candidate up to place `after` of the graph, -1 for none, then the reference.

        Raises:
            KeyError: The candidate does not hold all that the rest needs.
        """
        values = {name: self.held[name] for name in self.reference.live(after)}
        outputs = self.reference.resume(after, values)
        return np.asarray(outputs[self.reference.graph.outputs[0]][0], np.float32)

    def can_change_hands(self, after: int) -> bool:
        """Whether the candidate holds all that the rest needs."""
        return self.reference.live(after) <= self.held.keys()

    def error(self, tensor: str) -> Array:
        """|difference| of a tensor."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(self.held[tensor].astype(np.float64) - self.exact[tensor]))


def compute(reference: Reference, candidate: Tracer, photo: Photo) -> Exchange:
    """Let both look at a photo."""
    image = channels_first(photo.input)
    exact = reference.trace(image)
    held = {
        name: value.astype(exact[name].dtype)
        for name, value in candidate(photo.input).items()
        if name in exact and value.shape == exact[name].shape
    }
    return Exchange(reference, exact, held | {reference.graph.inputs[0]: image})


def find_fault(exchange: Exchange, photo: Photo, seen: Prediction, contract: Contract, budget: Budget) -> Fault | None:
    """The first operator behind which even an exact rest leaves the budget; None where there is none.

    Args:
        exchange: Of the photo.
        photo: One on which the hop breaches.
        seen: What the hop's reference made of it.
        contract: The student's.
        budget: The hop's.
    """

    def found(after: int) -> tuple[str, ...]:
        candidate = evaluate_masks(lambda _: exchange.logits(after), [photo], contract)
        return tuple(breaches(measure(reference=[seen], candidate=candidate, contract=contract), budget))

    if left := found(-1):
        return Fault((READING,), exchange.reference.graph.inputs[0], left, 0.0)
    together: list[str] = []
    for place, node in enumerate(exchange.reference.graph.nodes):
        together.append(str(node))
        if not exchange.can_change_hands(place):
            continue
        if left := found(place):
            tensor = next(name for name in node.outputs if name in exchange.held)
            return Fault(tuple(together), tensor, left, float(error_map(exchange.error(tensor), contract).max()))
        together = []
    return None


def error_map(error: Array, contract: Contract) -> NDArray[np.float64]:
    """The mean over channels, as (rows, columns); tokens (1, rows · columns, channels) are laid out again."""
    if error.ndim == 4:
        return np.asarray(error.mean(axis=(0, 1)))
    flat = error.reshape(-1, error.shape[-1] if error.ndim > 1 else 1)
    for stride in (1, 2, 4, 8, 16, 32, 64):
        rows, columns = contract.height // stride, contract.width // stride
        if rows * columns == len(flat):
            return np.asarray(flat.mean(axis=1).reshape(rows, columns))
    return flat


def _psnr(*, reference: Array, candidate: Array) -> float:
    exact = reference.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        rms = float(np.sqrt(np.mean((candidate - exact) ** 2)))
    return decibels(span=float(np.ptp(exact)), rms=rms)
