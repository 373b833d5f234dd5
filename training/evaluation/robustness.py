"""Robustness: the IoU that a student loses under each of `conditions`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.evaluation.bootstrap import Interval, intervals
from training.evaluation.conditions import CONDITIONS, PLAIN, RESIZER_BUDGET, ideal_mask
from training.evaluation.segmentation_metrics import SegmentationMetrics
from training.student.contract import Contract
from training.student.postprocess import postprocess


@dataclass(frozen=True, slots=True)
class ConditionCost:
    """One condition."""

    condition: str
    is_phone: bool
    iou: Interval
    """Mean over photos for a binary student, over classes otherwise."""
    drop: Interval
    """IoU lost against the same photos, resized as the contract says."""
    faultless: float = 0.0
    """IoU that a perfect student would lose by this resizer, see `ideal_mask`."""

    @property
    def own(self) -> float:
        """The part of the drop that is due to this student: all of it, if a perfect one stays within the budget."""
        return self.drop.value - (self.faultless if self.faultless > RESIZER_BUDGET else 0.0)


class Robustness:
    """Evaluates the same photos under all conditions."""

    def __init__(self, network: nn.Module, contract: Contract) -> None:
        """For a network that keeps the contract."""
        self._network = network
        self._contract = contract
        self._metrics = {name: SegmentationMetrics(contract.classes) for name in CONDITIONS}
        self._faultless = {
            name: SegmentationMetrics(contract.classes)
            for name, one in CONDITIONS.items()
            if one.is_phone or name == PLAIN
        }

    def add(self, name: str, photo: NDArray[np.uint8], teacher_mask: NDArray[np.uint8]) -> None:
        """One photo and its mask, at their own size."""
        scenes = [condition.apply(photo, teacher_mask, self._contract) for condition in CONDITIONS.values()]
        inputs = torch.from_numpy(np.stack([scene.input for scene in scenes])).permute(0, 3, 1, 2).float()
        every = self._network(inputs).numpy()
        for metrics, scene, logits in zip(self._metrics.values(), scenes, every, strict=True):
            mask = postprocess(logits, self._contract, *scene.reference.shape)
            metrics.add(name, reference=scene.reference, candidate=mask)
        for condition, metrics in self._faultless.items():
            answer = ideal_mask(CONDITIONS[condition], teacher_mask, self._contract)
            metrics.add(name, reference=teacher_mask, candidate=answer)

    def costs(self) -> list[ConditionCost]:
        """One for each condition, in the order of `CONDITIONS`."""
        plain, *_ = every_condition = list(self._metrics.values())

        def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            ious = np.array([metrics.headline(weights) for metrics in every_condition])
            return np.concatenate([ious, plain.headline(weights) - ious])

        found = intervals(statistic, len(plain.rows))
        halves = zip(found[: len(every_condition)], found[len(every_condition) :], strict=True)
        every = np.ones(len(plain.rows))
        best = {name: metrics.headline(every) for name, metrics in self._faultless.items()}
        return [
            ConditionCost(name, condition.is_phone, iou, drop, best[PLAIN] - best.get(name, best[PLAIN]))
            for (name, condition), (iou, drop) in zip(CONDITIONS.items(), halves, strict=True)
        ]


def resizer_verdict(costs: Sequence[ConditionCost]) -> str:
    """A sentence: whether phones' resizers stay within the budget, and what even a perfect student would lose."""
    phones = [cost for cost in costs if cost.is_phone]
    worst = max(phones, key=lambda cost: cost.own)
    # A NaN does not hold.
    holds = "holds" if worst.own <= RESIZER_BUDGET else "does not hold"
    said = f"Phones' resizers cost at most {worst.own:.4f} IoU ({worst.condition}); at most {RESIZER_BUDGET} {holds}"
    lost = [f"{cost.faultless:.4f} by {cost.condition}" for cost in phones if cost.faultless > RESIZER_BUDGET]
    return f"{said}; not counted is what a faultless student loses: {', '.join(lost)}" if lost else said
