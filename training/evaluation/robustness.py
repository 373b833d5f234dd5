"""What it costs a student that photos come otherwise than it expects."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.evaluation.bootstrap import Interval, intervals
from training.evaluation.conditions import BAR, CONDITIONS, PLAIN, faultless_answer
from training.evaluation.judge import Judge
from training.student.contract import Contract
from training.student.postprocess import postprocess


@dataclass(frozen=True, slots=True)
class Cost:
    """One condition."""

    condition: str
    is_phone: bool
    iou: Interval
    """Mean over photos for a binary student, over classes otherwise."""
    drop: Interval
    """Against the same photos, seen by the contract."""
    faultless: float = 0.0
    """What a faultless student loses by a phone's resizer, which no training can win back."""

    @property
    def own(self) -> float:
        """The drop that is this student's doing: all of it, where a faultless one stays within the bar."""
        return self.drop.value - (self.faultless if self.faultless > BAR else 0.0)


class Robustness:
    """Judges the same photos under all conditions."""

    def __init__(self, network: nn.Module, contract: Contract) -> None:
        """Of a network that keeps the contract."""
        self._network = network
        self._contract = contract
        self._judges = {name: Judge(contract.classes) for name in CONDITIONS}
        self._faultless = {
            name: Judge(contract.classes) for name, one in CONDITIONS.items() if one.is_phone or name == PLAIN
        }

    def add(self, name: str, photo: NDArray[np.uint8], teacher_mask: NDArray[np.uint8]) -> None:
        """One photo and its mask, at their own size."""
        scenes = [condition.see(photo, teacher_mask, self._contract) for condition in CONDITIONS.values()]
        inputs = torch.from_numpy(np.stack([scene.input for scene in scenes])).permute(0, 3, 1, 2).float()
        every = self._network(inputs).numpy()
        for judge, scene, logits in zip(self._judges.values(), scenes, every, strict=True):
            mask = postprocess(logits, self._contract, *scene.reference.shape)
            judge.add(name, reference=scene.reference, candidate=mask)
        for condition, judge in self._faultless.items():
            answer = faultless_answer(CONDITIONS[condition], teacher_mask, self._contract)
            judge.add(name, reference=teacher_mask, candidate=answer)

    def costs(self) -> list[Cost]:
        """One a condition, in the order of `CONDITIONS`."""
        plain, *_ = judges = list(self._judges.values())

        def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            ious = np.array([judge.headline(weights) for judge in judges])
            return np.concatenate([ious, plain.headline(weights) - ious])

        found = intervals(statistic, len(plain.rows))
        halves = zip(found[: len(judges)], found[len(judges) :], strict=True)
        every = np.ones(len(plain.rows))
        best = {name: judge.headline(every) for name, judge in self._faultless.items()}
        return [
            Cost(name, condition.is_phone, iou, drop, best[PLAIN] - best.get(name, best[PLAIN]))
            for (name, condition), (iou, drop) in zip(CONDITIONS.items(), halves, strict=True)
        ]


def verdict(costs: Sequence[Cost]) -> str:
    """Whether phones' resizers cost no more than they may, in a sentence; what nobody can keep is named apart."""
    phones = [cost for cost in costs if cost.is_phone]
    worst = max(phones, key=lambda cost: cost.own)
    # A NaN does not hold.
    holds = "holds" if worst.own <= BAR else "does not hold"
    said = f"Phones' resizers cost at most {worst.own:.4f} IoU ({worst.condition}); at most {BAR} {holds}"
    lost = [f"{cost.faultless:.4f} by {cost.condition}" for cost in phones if cost.faultless > BAR]
    return f"{said}; not counted is what a faultless student loses: {', '.join(lost)}" if lost else said
