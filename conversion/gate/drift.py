"""Drift: the measured difference between two backends, compared with its budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from conversion.gate.predictions import Prediction
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.postprocess import Mask, upsample

BUDGETS = Path(__file__).parent / "budgets.yaml"

DECIDED = 1e-3
"""A pixel whose reference logit is at least this far from deciding otherwise may not flip in fp32."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What a hop changed, over all photos. Units and definitions stand in budgets.yaml."""

    max_error: float
    """Largest |difference| of a logit."""
    rms: float
    """Root mean square difference of the logits."""
    relative_error: float
    psnr: float
    flips: float
    decided_flips: int
    iou: float
    """Mean IoU of the candidate's masks with the reference's."""
    iou_change: float
    """How far the mean IoU with the teacher masks fell; negative where it rose. NaN without teacher masks."""
    worst_change: float


def measure(*, reference: Sequence[Prediction], candidate: Sequence[Prediction], contract: Contract) -> Drift:
    """The drift from one backend to another over the same photos, computed in float64."""
    differences = [
        c.logits.astype(np.float64) - r.logits.astype(np.float64) for r, c in zip(reference, candidate, strict=True)
    ]
    logits = np.stack([r.logits for r in reference])
    span = float(logits.max()) - float(logits.min())
    rms = [float(np.sqrt(np.mean(difference**2))) for difference in differences]
    max_error = max(float(np.abs(difference).max()) for difference in differences)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative_error = float(np.float64(max_error) / span)
    pixels = sum(r.mask.size for r in reference)
    flipped = sum(int(np.sum(r.mask != c.mask)) for r, c in zip(reference, candidate, strict=True))
    changes = [r.teacher_iou - c.teacher_iou for r, c in zip(reference, candidate, strict=True)]
    return Drift(
        max_error=max_error,
        rms=float(np.sqrt(np.mean(np.square(rms)))),
        relative_error=relative_error,
        psnr=decibels(span=span, rms=float(np.max(rms))),
        flips=flipped / pixels,
        decided_flips=sum(_decided_flips(r, c, contract) for r, c in zip(reference, candidate, strict=True)),
        iou=float(np.mean([_agreement(r.mask, c.mask) for r, c in zip(reference, candidate, strict=True)])),
        iou_change=float(np.mean(changes)),
        worst_change=float(np.max(changes)),
    )


def decibels(*, span: float, rms: float) -> float:
    """PSNR in dB of values that span `span` and are off by `rms`; infinite where nothing is off."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(20 * np.log10(np.float64(span) / rms)) if rms != 0 else float("inf")


def _agreement(reference: Mask, candidate: Mask) -> float:
    union = int(np.sum((reference > 0) | (candidate > 0)))
    return float(np.sum((reference == candidate) & (reference > 0))) / union if union else 1.0


def _decided_flips(reference: Prediction, candidate: Prediction, contract: Contract) -> int:
    flipped = reference.mask != candidate.mask
    if not flipped.any():
        return 0
    upsampled = upsample(reference.logits, *reference.mask.shape)
    if contract.is_binary:
        margin = np.abs(upsampled[0] - contract.threshold)
    else:
        best = np.partition(upsampled, -2, axis=0)
        margin = best[-1] - best[-2]
    # Opening moves whole neighbourhoods with a single pixel, so that a margin of one pixel says nothing there.
    return 0 if contract.open > 1 else int(np.sum(flipped & (margin >= DECIDED)))


Budget = Mapping[str, float]


def breaches(drift: Drift, budget: Budget) -> list[str]:
    """How a drift breaches its budget, one text per measure with both numbers; empty if it is within."""
    found = []
    for name, allowed in budget.items():
        value = getattr(drift, name)
        # Written as `not (a <= b)`, so that NaN is a breach and not a pass.
        within = value >= allowed if name == "psnr" else value <= allowed
        if not within:
            relation = "is below" if name == "psnr" else "exceeds"
            found.append(f"{name} {value:.4g} {relation} {allowed:g}")
    return found


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of the conversion, compared on its own."""

    reference: str
    candidate: str
    budget: str

    def __str__(self) -> str:
        """As the report shows it."""
        return f"{self.reference} → {self.candidate}"


def read_budgets(path: Path = BUDGETS) -> tuple[dict[str, Budget], list[Hop]]:
    """The budgets by name, and the hops in order.

    Raises:
        BadInput: A hop has an unknown budget, or a budget an unknown measure.
    """
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    budgets: dict[str, Budget] = found["budgets"]
    hops = [Hop(**entry) for entry in found["hops"]]
    measures = set(Drift.__dataclass_fields__)
    for name, budget in budgets.items():
        if unknown := set(budget) - measures:
            raise BadInput(f"{path}: budget {name} limits {sorted(unknown)}; known measures are {sorted(measures)}")
    for hop in hops:
        if hop.budget not in budgets:
            raise BadInput(f"{path}: hop {hop} has budget '{hop.budget}'; known are {sorted(budgets)}")
    return budgets, hops
