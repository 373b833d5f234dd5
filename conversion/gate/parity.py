"""Parity: every backend of a student runs the same photos, and each hop's drift is compared with its budget."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from conversion.artefact import manifest
from conversion.artefact.kinds import KINDS, SIMPLIFIED
from conversion.artefact.manifest import Manifest
from conversion.gate import error_localisation
from conversion.gate.backends import BACKENDS
from conversion.gate.drift import Budget, Drift, Hop, breaches, measure, read_budgets
from conversion.gate.error_localisation import Localisation
from conversion.gate.negative_controls import CONTROLS, find_resembled_mistakes
from conversion.gate.pictures import draw_errors, draw_worst
from conversion.gate.predictions import Photo, Prediction, evaluate_masks, prepare_photos
from conversion.gate.traces import TRACERS
from conversion.runtimes.runner import Runner, why_unavailable
from conversion.source import to_onnx
from conversion.source.graph import read_graph
from conversion.source.reference import Reference
from training.data.pairs import Pair
from training.student.atomic_write import write_text
from training.student.bounded_read import brief, read_json_as
from training.student.claim import claim
from training.student.contract import Contract
from training.student.digest import sha256
from training.student.errors import AccuracyBreached, BadInput, ParityBreached

_REMEDY = "run `make parity` again"

FLOATS = ("fp32", "fp16")
"""Budgets that the negative controls are held against."""


@dataclass(frozen=True, slots=True)
class HopResult:
    """The drift of one hop, and how it breaches its budget."""

    hop: Hop
    drift: Drift
    breaches: list[str]


@dataclass(frozen=True, slots=True)
class Parity:
    """The verdict on an export folder."""

    photos: list[str]
    hops: list[HopResult]
    teacher_iou: dict[str, float]
    """By backend: mean IoU of its masks with the teacher masks."""
    controls: dict[str, list[str]]
    """Budget breaches per negative control. A control without a breach means that the gate is blind to that error."""
    unproven: dict[str, str]
    """By backend: why this machine could not run it."""
    trails: dict[str, Localisation]
    """By hop: the drift of every operator, on the photo that drifts most."""

    @property
    def drifts(self) -> dict[str, Drift]:
        """By backend: the drift of the hop that ends in it."""
        return {result.hop.candidate: result.drift for result in self.hops}

    @property
    def breached(self) -> list[HopResult]:
        """The hops that breach their budget."""
        return [result for result in self.hops if result.breaches]

    @property
    def blind(self) -> list[str]:
        """The negative controls that breach no budget."""
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

    def check(self, report: Path) -> None:
        """Refuse what may not go out; the message points to the report.

        Raises:
            AccuracyBreached: Every breach is of accuracy.
            ParityBreached: Another hop left its budget, or a control went unnoticed.
        """
        if not self.is_green:
            where = ", ".join([str(result.hop) for result in self.breached] + self.blind)
            kind = AccuracyBreached if self.is_accuracy_alone else ParityBreached
            raise kind(f"out of budget: {where}; the table above says by how much, {report} shows where")


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
        BadInput: An artefact is missing, or is not the one that the manifest lists, or the export folder is in use.
    """
    with claim(export):
        return _verify(checkpoint, export, pairs, folder, targets)


def _verify(checkpoint: Path, export: Path, pairs: Sequence[Pair], folder: Path, targets: tuple[str, ...]) -> Parity:
    listed = _listed(checkpoint, export)
    budgets, hops = read_budgets()
    hops = [
        hop for hop in hops if all(_takes_part(backend, listed, targets) for backend in (hop.reference, hop.candidate))
    ]
    backends = list(dict.fromkeys(backend for hop in hops for backend in (hop.reference, hop.candidate)))
    unproven = {backend: reason for backend in backends if (reason := why_unavailable(BACKENDS[backend].runtime))}
    photos = prepare_photos(pairs, listed.contract)
    predictions: dict[str, list[Prediction]] = {}
    for backend in (bar := tqdm([backend for backend in backends if backend not in unproven], unit="backend")):
        bar.set_description(f"run {backend}")
        predictions[backend] = evaluate_masks(BACKENDS[backend].open(checkpoint, export), photos, listed.contract)
    mistakes = run_controls(BACKENDS["onnx"].open(checkpoint, export), photos, listed.contract)
    results = []
    for hop in hops:
        if hop.candidate in predictions:
            drift = measure(
                reference=predictions[hop.reference], candidate=predictions[hop.candidate], contract=listed.contract
            )
            found = breaches(drift, budgets[hop.budget])
            found += find_resembled_mistakes(
                reference=predictions[hop.reference], candidate=predictions[hop.candidate], mistakes=mistakes
            )
            results.append(HopResult(hop, drift, found))
    trails = _trails(results, predictions, photos, listed, export, folder)
    # Budgets for fewer bits are so wide that a subtle mistake fits into them. But a mistake in the app's own code
    # happens with every artefact, so it shows in those of a tighter budget.
    held = [budgets[hop.budget] for hop in hops if hop.budget in FLOATS]
    loosest = min(held, key=lambda budget: budget.get("psnr", float("inf")))
    parity = Parity(
        photos=[photo.name for photo in photos],
        hops=results,
        teacher_iou={backend: float(np.mean([one.teacher_iou for one in own])) for backend, own in predictions.items()},
        controls=find_control_breaches(predictions["onnx"], mistakes, listed.contract, loosest),
        unproven=unproven,
        trails=trails,
    )
    draw_worst(photos, predictions, listed.contract, folder)
    write_text(folder / "parity.json", json.dumps(asdict(parity), indent=1) + "\n")
    manifest.write(_marked(listed, parity), export)
    return parity


def run_controls(runner: Runner, photos: Sequence[Photo], contract: Contract) -> dict[str, list[Prediction]]:
    """By negative control: the predictions of a correct runner that is made to make that mistake."""
    return {name: evaluate_masks(sabotage(runner), photos, contract) for name, sabotage in CONTROLS.items()}


def find_control_breaches(
    reference: Sequence[Prediction], mistakes: Mapping[str, Sequence[Prediction]], contract: Contract, budget: Budget
) -> dict[str, list[str]]:
    """By negative control: the budget breaches that it causes. There must be one at least for each."""
    found = {}
    for name, candidate in mistakes.items():
        found[name] = breaches(measure(reference=reference, candidate=candidate, contract=contract), budget)
    return found


def read(path: Path) -> Parity:
    """The verdict that `verify` wrote.

    Raises:
        BadInput: There is no such file, or it is damaged.
    """
    if not path.is_file():
        raise BadInput(f"no verdict at {path}; run `make parity` first")
    # Not finite: the PSNR of equal tensors.
    verdict = read_json_as(Parity, path, _REMEDY, finite=False)
    budgets, _ = read_budgets()
    for hop in (result.hop for result in verdict.hops):
        if hop.budget not in budgets or hop.candidate not in verdict.teacher_iou:
            raise BadInput(f"{path} has no IoU or no known budget of the hop {brief(hop)}; {_REMEDY}")
    if "torch" not in verdict.teacher_iou:
        raise BadInput(f"{path} has no IoU of torch; {_REMEDY}")
    return verdict


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
    lines += [f"not proven: {backend}: {reason}" for backend, reason in parity.unproven.items()]
    return "\n".join(lines)


def _trails(
    results: Sequence[HopResult],
    predictions: Mapping[str, Sequence[Prediction]],
    photos: Sequence[Photo],
    listed: Manifest,
    export: Path,
    folder: Path,
) -> dict[str, Localisation]:
    """The drift along the graph of every hop from ONNX to a phone artefact; draws the errors of hops that breach."""
    budgets, _ = read_budgets()
    reference = Reference(read_graph(to_onnx.load(export / SIMPLIFIED.file)))
    trails, errors = {}, {}
    for result in results:
        backend, budget = BACKENDS[result.hop.candidate], budgets[result.hop.budget]
        if result.hop.reference != "onnx" or backend.runtime not in TRACERS:
            continue
        worst = _most_adrift(predictions["onnx"], predictions[result.hop.candidate], listed.contract, budget)
        tracer = TRACERS[backend.runtime](export / KINDS[backend.kind].file, reference.graph)
        split_run = error_localisation.run_both(reference, tracer, photos[worst])
        fault = None
        if result.breaches:
            fault = error_localisation.find_faulty_operator(
                split_run, photos[worst], predictions["onnx"][worst], listed.contract, budget
            )
        if fault:
            errors[result.hop.candidate] = (
                photos[worst],
                error_localisation.error_map(split_run.error(fault.tensor), listed.contract),
            )
        trails[str(result.hop)] = Localisation(photos[worst].name, split_run.points(), fault)
    draw_errors(errors, folder)
    return trails


def _most_adrift(
    reference: Sequence[Prediction], candidate: Sequence[Prediction], contract: Contract, budget: Budget
) -> int:
    """Which photo has the largest RMS error; photos that breach the budget by themselves come first."""

    def badness(place: int) -> tuple[bool, float]:
        drift = measure(reference=[reference[place]], candidate=[candidate[place]], contract=contract)
        return bool(breaches(drift, budget)), float(np.nan_to_num(drift.rms, nan=np.inf))

    return max(range(len(reference)), key=badness)


def _listed(checkpoint: Path, export: Path) -> Manifest:
    """The manifest, after checking that every file is the one that it lists."""
    listed = manifest.read(export)
    if not checkpoint.is_file() or sha256(checkpoint) != listed.checkpoint:
        raise BadInput(f"{export} was exported from another student than {checkpoint}; export again")
    for name in listed.artefacts:
        listed.path_of(name, export)
    return listed


def _takes_part(backend: str, listed: Manifest, targets: tuple[str, ...]) -> bool:
    kind = BACKENDS[backend].kind
    wanted = not kind or not targets or KINDS[kind].target in (*targets, "onnx")
    return wanted and (not kind or kind in listed.artefacts)


def _marked(listed: Manifest, parity: Parity) -> Manifest:
    """The manifest with the gate's verdict on every artefact that took part."""
    verdicts: dict[str, str] = {}
    for result in parity.hops:
        kind = BACKENDS[result.hop.candidate].kind
        if result.breaches or parity.blind:
            verdicts[kind] = "breached"
        else:
            verdicts.setdefault(kind, "passed")
    artefacts: Mapping[str, manifest.Artefact] = listed.artefacts
    return replace(
        listed, artefacts={name: replace(one, gate=verdicts.get(name, one.gate)) for name, one in artefacts.items()}
    )
