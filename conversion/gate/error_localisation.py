"""Error localisation: where along the graph an artefact drifts, and which operator breaches the budget first.

The candidate's tensors are compared one by one with those of the typed graph in ONNX Runtime. Then the graph is split:
the candidate runs the first k operators, the reference runs the rest. The first k whose result breaches the hop's
budget ends in the faulty operator, since the rest is exact. The budget is the hop's own, measured at the logits and
the mask. Every k is tried in order, not by halves: errors may cancel, so that a later split can hold again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conversion.gate.drift import Budget, breaches, decibels, measure
from conversion.gate.predictions import Photo, Prediction, evaluate_masks
from conversion.gate.traces import Tracer
from conversion.source.reference import Reference
from training.student.arrays import Array, Floats, channels_first
from training.student.contract import Contract


@dataclass(frozen=True, slots=True)
class OperatorDrift:
    """The drift of one operator's result."""

    operator: str
    tensor: str
    """Its result."""
    psnr: float
    """dB: the tensor's own range over its RMS difference from the reference."""


@dataclass(frozen=True, slots=True)
class FaultyOperator:
    """The first operator behind which a hop breaches its budget."""

    operators: tuple[str, ...]
    """The operator, and those that the artefact fuses with it, such as an activation."""
    tensor: str
    """Their result."""
    breaches: tuple[str, ...]
    """Of the hop's budget, when the candidate runs the graph up to here and the reference the rest."""
    largest_error: float
    """The largest error of a pixel, as the mean over the tensor's channels: the brightest spot of the picture."""


@dataclass(frozen=True, slots=True)
class Localisation:
    """The drift of one hop along the graph, on one photo."""

    photo: str
    points: tuple[OperatorDrift, ...]
    """In the order of execution; only tensors that the artefact still has, since it fuses some operators."""
    fault: FaultyOperator | None


READING = "reading the ONNX file"
"""Stands for the operator when the typed graph itself breaches the budget, before the artefact runs at all."""


@dataclass(frozen=True, slots=True)
class SplitRun:
    """The tensors of a candidate and of a reference on one photo; either can go on from the other's."""

    reference: Reference
    exact: Mapping[str, Array]
    held: Mapping[str, Array]
    """The candidate's tensors by the graph's names, and the input."""

    def points(self) -> tuple[OperatorDrift, ...]:
        """The drift of every operator whose result the candidate has."""
        return tuple(
            OperatorDrift(str(node), name, _psnr(reference=self.exact[name], candidate=self.held[name]))
            for node in self.reference.graph.nodes
            for name in node.outputs
            if name in self.held
        )

    def logits(self, after: int) -> Floats:
        """The logits (channels, rows, columns) when the candidate runs up to place `after`, and the reference the rest.

        Args:
            after: The place of the candidate's last operator in the graph; -1 leaves all to the reference.

        Raises:
            KeyError: The candidate lacks a tensor that the rest reads; see `can_split`.
        """
        values = {name: self.held[name] for name in self.reference.live(after)}
        outputs = self.reference.resume(after, values)
        return np.asarray(outputs[self.reference.graph.outputs[0]][0], np.float32)

    def can_split(self, after: int) -> bool:
        """Whether the candidate has every tensor that the operators behind place `after` read."""
        return self.reference.live(after) <= self.held.keys()

    def error(self, tensor: str) -> Array:
        """The absolute difference of a tensor."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(self.held[tensor].astype(np.float64) - self.exact[tensor]))


def run_both(reference: Reference, candidate: Tracer, photo: Photo) -> SplitRun:
    """Run both on a photo and keep their tensors."""
    image = channels_first(photo.input)
    exact = reference.trace(image)
    held = {
        name: value.astype(exact[name].dtype)
        for name, value in candidate(photo.input).items()
        if name in exact and value.shape == exact[name].shape
    }
    return SplitRun(reference, exact, held | {reference.graph.inputs[0]: image})


def find_faulty_operator(
    split_run: SplitRun, photo: Photo, prediction: Prediction, contract: Contract, budget: Budget
) -> FaultyOperator | None:
    """The first operator after which even an exact rest breaches the budget; None where no operator does.

    Args:
        split_run: Of the photo.
        photo: One on which the hop breaches.
        prediction: What the hop's reference made of it.
        contract: The student's.
        budget: The hop's.
    """

    def breaches_after(after: int) -> tuple[str, ...]:
        candidate = evaluate_masks(lambda _: split_run.logits(after), [photo], contract)
        return tuple(breaches(measure(reference=[prediction], candidate=candidate, contract=contract), budget))

    if broken := breaches_after(-1):
        return FaultyOperator((READING,), split_run.reference.graph.inputs[0], broken, 0.0)
    together: list[str] = []
    for place, node in enumerate(split_run.reference.graph.nodes):
        together.append(str(node))
        if not split_run.can_split(place):
            continue
        if broken := breaches_after(place):
            tensor = next(name for name in node.outputs if name in split_run.held)
            return FaultyOperator(
                tuple(together), tensor, broken, float(error_map(split_run.error(tensor), contract).max())
            )
        together = []
    return None


def error_map(error: Array, contract: Contract) -> NDArray[np.float64]:
    """The mean over channels as an image (rows, columns); tokens (1, rows · columns, channels) become rows again."""
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
