"""Parity: every form of a student runs the same photos; each hop's drift is held against its budget."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter
from tqdm import tqdm

from conversion.artefact import manifest
from conversion.artefact.kinds import KINDS, SIMPLIFIED
from conversion.artefact.manifest import Manifest
from conversion.gate import error_localisation
from conversion.gate.drift import Budget, Drift, Hop, breaches, measure, read_budgets
from conversion.gate.error_localisation import Trail
from conversion.gate.forms import FORMS, Photo, Prediction, evaluate_masks, prepare
from conversion.gate.negative_controls import CONTROLS, resembled
from conversion.gate.pictures import draw_errors, draw_worst
from conversion.gate.traces import TRACERS
from conversion.runtimes.runner import Runner, why_not
from conversion.source import graph, to_onnx
from conversion.source.reference import Reference
from training.data.pairs import Pair
from training.student.atomic_write import write_text
from training.student.contract import Contract
from training.student.digest import sha256
from training.student.errors import BadInput

FLOATS = ("fp32", "fp16")
"""Budgets that the negative controls are held against."""


@dataclass(frozen=True, slots=True)
class HopResult:
    """What one hop did."""

    hop: Hop
    drift: Drift
    breaches: list[str]


@dataclass(frozen=True, slots=True)
class Parity:
    """The verdict on an export folder."""

    photos: list[str]
    hops: list[HopResult]
    teacher_iou: dict[str, float]
    """By form: mean IoU of its masks with the teacher masks."""
    controls: dict[str, list[str]]
    """By sabotage: the breaches that it caused. One that caused none means that the gate sees nothing."""
    unproven: dict[str, str]
    """By form: why this machine could not run it."""
    trails: dict[str, Trail]
    """By hop: its drift along the graph, on the photo that drifts most."""

    @property
    def drifts(self) -> dict[str, Drift]:
        """By form: of the hop that ends in it."""
        return {result.hop.candidate: result.drift for result in self.hops}

    @property
    def breached(self) -> list[HopResult]:
        """The hops that left their budget."""
        return [result for result in self.hops if result.breaches]

    @property
    def blind(self) -> list[str]:
        """Sabotages that went unnoticed."""
        return [name for name, found in self.controls.items() if not found]

    @property
    def is_green(self) -> bool:
        """Whether the gate may let the artefacts out."""
        return not self.breached and not self.blind

    @property
    def is_accuracy_alone(self) -> bool:
        """Whether every breach is of accuracy, which has an exit code of its own."""
        accuracy = ("iou_change", "worst_change")
        return not self.blind and all(text.startswith(accuracy) for result in self.hops for text in result.breaches)


def verify(
    checkpoint: Path, export: Path, pairs: Sequence[Pair], folder: Path, targets: tuple[str, ...] = ()
) -> Parity:
    """Run every hop of an export, then the negative controls; mark the manifest, and keep verdict and pictures.

    Args:
        checkpoint: The student's weights.
        export: The export folder.
        pairs: What to compare on.
        folder: Where parity.json and the pictures of the worst photos go.
        targets: Only hops to these; all that were exported when empty.

    Raises:
        BadInput: An artefact is missing, or is not the one that the manifest lists.
    """
    listed = _listed(checkpoint, export)
    budgets, hops = read_budgets()
    hops = [hop for hop in hops if all(_takes_part(form, listed, targets) for form in (hop.reference, hop.candidate))]
    forms = list(dict.fromkeys(form for hop in hops for form in (hop.reference, hop.candidate)))
    unproven = {form: reason for form in forms if (reason := why_not(FORMS[form].runtime))}
    photos = prepare(pairs, listed.contract)
    seen: dict[str, list[Prediction]] = {}
    for form in (bar := tqdm([form for form in forms if form not in unproven], unit="form")):
        bar.set_description(f"run {form}")
        seen[form] = evaluate_masks(FORMS[form].open(checkpoint, export), photos, listed.contract)
    mistakes = sabotaged(FORMS["onnx"].open(checkpoint, export), photos, listed.contract)
    results = []
    for hop in hops:
        if hop.candidate in seen:
            drift = measure(reference=seen[hop.reference], candidate=seen[hop.candidate], contract=listed.contract)
            found = breaches(drift, budgets[hop.budget])
            found += resembled(reference=seen[hop.reference], candidate=seen[hop.candidate], mistakes=mistakes)
            results.append(HopResult(hop, drift, found))
    trails = _trails(results, seen, photos, listed, export, folder)
    # Budgets for fewer bits are so wide that a subtle mistake fits into them; whoever makes it, makes it in all forms.
    held = [budgets[hop.budget] for hop in hops if hop.budget in FLOATS]
    loosest = min(held, key=lambda budget: budget.get("psnr", float("inf")))
    parity = Parity(
        photos=[photo.name for photo in photos],
        hops=results,
        teacher_iou={form: float(np.mean([one.teacher_iou for one in views])) for form, views in seen.items()},
        controls=trip(seen["onnx"], mistakes, listed.contract, loosest),
        unproven=unproven,
        trails=trails,
    )
    draw_worst(photos, seen, listed.contract, folder)
    write_text(folder / "parity.json", json.dumps(asdict(parity), indent=1) + "\n")
    manifest.write(_marked(listed, parity), export)
    return parity


def sabotaged(runner: Runner, photos: Sequence[Photo], contract: Contract) -> dict[str, list[Prediction]]:
    """What a good runner makes of each photo when it makes each of the common mistakes."""
    return {name: evaluate_masks(sabotage(runner), photos, contract) for name, sabotage in CONTROLS.items()}


def trip(
    reference: Sequence[Prediction], mistakes: Mapping[str, Sequence[Prediction]], contract: Contract, budget: Budget
) -> dict[str, list[str]]:
    """The breaches that each mistake of a good runner causes: the gate must see every one of them."""
    found = {}
    for name, candidate in mistakes.items():
        found[name] = breaches(measure(reference=reference, candidate=candidate, contract=contract), budget)
    return found


def read(path: Path) -> Parity:
    """The verdict that `verify` kept.

    Raises:
        BadInput: There is none, or it is damaged.
    """
    if not path.is_file():
        raise BadInput(f"no verdict at {path}; reach one with `make parity`")
    try:
        verdict: Parity = TypeAdapter(Parity).validate_python(json.loads(path.read_text(encoding="utf-8")))
        return verdict
    except ValueError as error:
        raise BadInput(f"{path} is damaged: {error!r}; run `make parity` again") from error


def as_text(parity: Parity) -> str:
    """The verdict as a table for a terminal."""
    lines = [f"{'hop':<37} {'rel. error':>10} {'PSNR':>7} {'flips':>9} {'IoU':>7} {'teacher':>8}  verdict"]
    for result in parity.hops:
        drift = result.drift
        verdict = "; ".join(result.breaches) or "within budget"
        lines.append(
            f"{result.hop!s:<37} {drift.relative_error:>10.1e} {drift.psnr:>7.1f} {drift.flips:>9.4%} "
            f"{drift.iou:>7.4f} {parity.teacher_iou[result.hop.candidate]:>8.4f}  {verdict}"
        )
    for hop, trail in parity.trails.items():
        if trail.fault:
            where = " with ".join(trail.fault.operators)
            lines.append(f"{hop}: out of budget after {where}, on photo {trail.photo}")
    for name, found in parity.controls.items():
        lines.append(f"control: {name.replace('_', ' ')} {'trips the gate' if found else 'GOES UNNOTICED'}")
    lines += [f"not proven: {form}: {reason}" for form, reason in parity.unproven.items()]
    return "\n".join(lines)


def _trails(
    results: Sequence[HopResult],
    seen: Mapping[str, Sequence[Prediction]],
    photos: Sequence[Photo],
    listed: Manifest,
    export: Path,
    folder: Path,
) -> dict[str, Trail]:
    """Follow every hop from ONNX to a phone artefact along the graph, and draw the errors of those that breach."""
    budgets, _ = read_budgets()
    reference = Reference(graph.read(to_onnx.load(export / SIMPLIFIED.file)))
    trails, errors = {}, {}
    for result in results:
        form, budget = FORMS[result.hop.candidate], budgets[result.hop.budget]
        if result.hop.reference != "onnx" or form.runtime not in TRACERS:
            continue
        worst = _most_adrift(seen["onnx"], seen[result.hop.candidate], listed.contract, budget)
        tracer = TRACERS[form.runtime](export / KINDS[form.kind].file, reference.graph)
        exchange = error_localisation.compute(reference, tracer, photos[worst])
        fault = None
        if result.breaches:
            fault = error_localisation.find_fault(exchange, photos[worst], seen["onnx"][worst], listed.contract, budget)
        if fault:
            errors[result.hop.candidate] = (
                photos[worst],
                error_localisation.error_map(exchange.error(fault.tensor), listed.contract),
            )
        trails[str(result.hop)] = Trail(photos[worst].name, exchange.points(), fault)
    draw_errors(errors, folder)
    return trails


def _most_adrift(
    reference: Sequence[Prediction], candidate: Sequence[Prediction], contract: Contract, budget: Budget
) -> int:
    """The photo with the largest RMS error, of those that breach the budget by themselves, if any do."""

    def badness(place: int) -> tuple[bool, float]:
        drift = measure(reference=[reference[place]], candidate=[candidate[place]], contract=contract)
        return bool(breaches(drift, budget)), float(np.nan_to_num(drift.rms, nan=np.inf))

    return max(range(len(reference)), key=badness)


def _listed(checkpoint: Path, export: Path) -> Manifest:
    """The manifest, once every file is found to be what it says."""
    listed = manifest.read(export)
    if not checkpoint.is_file() or sha256(checkpoint) != listed.checkpoint:
        raise BadInput(f"{export} was exported from another student than {checkpoint}; export again")
    for name in listed.artefacts:
        listed.path_of(name, export)
    return listed


def _takes_part(form: str, listed: Manifest, targets: tuple[str, ...]) -> bool:
    kind = FORMS[form].kind
    wanted = not kind or not targets or KINDS[kind].target in (*targets, "onnx")
    return wanted and (not kind or kind in listed.artefacts)


def _marked(listed: Manifest, parity: Parity) -> Manifest:
    """The manifest with the gate's word on every artefact that took part."""
    verdicts: dict[str, str] = {}
    for result in parity.hops:
        kind = FORMS[result.hop.candidate].kind
        if result.breaches or parity.blind:
            verdicts[kind] = "breached"
        else:
            verdicts.setdefault(kind, "passed")
    artefacts: Mapping[str, manifest.Artefact] = listed.artefacts
    return replace(
        listed, artefacts={name: replace(one, gate=verdicts.get(name, one.gate)) for name, one in artefacts.items()}
    )
