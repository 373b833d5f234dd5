"""Budget search: the smallest variant of each target whose masks stay within an accuracy budget.

Variants are tried from small to large, up to the first that holds. If one does not hold, its most sensitive layers
stay in higher precision: one layer, then two, four and so on, as long as the file is smaller than the next variant.
Layers are ranked on calibration photos; budgets are checked on held-out photos.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from conversion.artefact import manifest
from conversion.artefact.kinds import KINDS, SIMPLIFIED, Precision, size
from conversion.export.export import export, write_artefact
from conversion.gate.backends import BACKENDS
from conversion.gate.drift import Budget, Drift, breaches, measure, read_budgets
from conversion.gate.predictions import Photo, Prediction, evaluate_masks, prepare_photos
from conversion.quantisation.calibration import Calibration
from conversion.quantisation.variants import Variants, variants
from conversion.source import to_onnx
from conversion.source.graph import read_graph
from training.data.pairs import Pair
from training.run import Run
from training.student.atomic_write import write_text
from training.student.bounded_read import read_json_as
from training.student.claim import claim
from training.student.contract import Contract
from training.student.errors import BadInput, ParityBreached

FILE = "budget_search.json"
"""Beside the manifest."""
_OLD_FILE = "walk.json"
"""Its name in earlier versions, which is still read."""

# By bits of weights and activations together. int16 is left out: a phone's CPU takes far longer for it than for fp32.
LADDERS: Mapping[str, tuple[Precision, ...]] = MappingProxyType(
    {"coreml": ("p4", "p6", "w8", "fp16", "fp32"), "tflite": ("int8", "w8", "fp16", "fp32")}
)
MEASURES: Mapping[str, str] = MappingProxyType(
    {"iou": "iou_change", "worst": "worst_change", "flips": "flips", "psnr": "psnr"}
)
"""What `--budget` may limit, and what budgets.yaml calls it."""

_RANKED_ON = 4
"""Calibration photos on which the sensitivity of a layer is measured."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One variant tried."""

    variant: str
    """A key of `artefact.KINDS`."""
    kept: list[str]
    """Layers in higher precision, the most sensitive first."""
    bytes: int
    drift: Drift
    breaches: list[str]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was tried, and what was chosen."""

    checkpoint: str
    """sha256 of the student's weights."""
    limits: dict[str, float]
    """From the user, in addition to budgets.yaml."""
    photos: list[str]
    steps: dict[str, list[Trial]]
    """By target, in order; the last is chosen, unless it breaches a budget."""


def parse_limits(texts: Sequence[str]) -> dict[str, float]:
    """Limits such as `iou=0.01` by their names in budgets.yaml.

    Raises:
        BadInput: A text has another form, or limits what is unknown.
    """
    limits = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            limits[MEASURES[name]] = float(value)
        except (KeyError, ValueError) as error:
            raise BadInput(f"budget '{text}' must be {' or '.join(f'{known}=NUMBER' for known in MEASURES)}") from error
    return limits


def search(
    run: Run,
    targets: tuple[str, ...],
    limits: Mapping[str, float],
    pairs: Sequence[Pair],
    calibration: Calibration,
    precisions: tuple[str, ...] = (),
) -> SearchResult:
    """Export the smallest variant of each phone target that holds the budget, and write what was tried beside it.

    Args:
        run: With a trained student.
        targets: Of `LADDERS`; all when none is named.
        limits: As `parse_limits` gives them; each variant's budget in budgets.yaml holds as well.
        pairs: Held-out pairs.
        calibration: Photos on which ranges are measured and layers ranked.
        precisions: Only these are tried; all when none is named.

    Raises:
        BadInput: No target has such a precision, or the export folder is in use.
        ParityBreached: Not even the last, fp32 unless others were named, holds the budget.
        ConversionRefused: A target cannot express the student.
    """
    ladders = _ladders(targets, precisions)
    with claim(run.export):
        result = _search(run, ladders, limits, pairs, calibration)
    for target, steps in result.steps.items():
        if steps[-1].breaches:
            raise ParityBreached(
                f"no variant of {target} holds: {'; '.join(steps[-1].breaches)} in {steps[-1].variant}"
            )
    return result


def _search(
    run: Run,
    ladders: Mapping[str, Sequence[Precision]],
    limits: Mapping[str, float],
    pairs: Sequence[Pair],
    calibration: Calibration,
) -> SearchResult:
    listed = export(run.checkpoint, run.export, ("onnx",))
    source = read_graph(to_onnx.load(run.export / SIMPLIFIED.file))
    photos = prepare_photos(pairs, listed.contract)
    result = SearchResult(listed.checkpoint, dict(limits), [photo.name for photo in photos], {})
    for target, ladder in ladders.items():
        made = variants(target, source, listed.contract, calibration.inputs)
        with tempfile.TemporaryDirectory() as folder:
            target_search = _TargetSearch(run, made, target, limits, photos, calibration, listed.contract, Path(folder))
            result.steps[target] = list(target_search.steps(ladder))
        last = result.steps[target][-1]
        if not last.breaches:
            kind = KINDS[last.variant]
            artefact = write_artefact(made, kind, run.export / kind.file, calibration, last.kept)
            listed = listed.with_artefact(last.variant, artefact)
    manifest.write(listed, run.export)
    write_text(run.export / FILE, json.dumps(asdict(result), indent=1) + "\n")
    return result


def _ladders(targets: tuple[str, ...], precisions: tuple[str, ...]) -> dict[str, tuple[Precision, ...]]:
    """By target: the precisions to try, from small to large."""
    found = {
        target: tuple(precision for precision in ladder if not precisions or precision in precisions)
        for target, ladder in LADDERS.items()
        if not targets or target in targets
    }
    if not any(found.values()):
        known = "; ".join(f"{target}: {' '.join(ladder)}" for target, ladder in LADDERS.items())
        raise BadInput(f"--budget chooses among {known}; none of these was asked for")
    return {target: ladder for target, ladder in found.items() if ladder}


def read(export: Path) -> SearchResult | None:
    """The search that was written beside a manifest; None if there was none for this student.

    Raises:
        BadInput: The file is damaged.
    """
    path = next((export / name for name in (FILE, _OLD_FILE) if (export / name).is_file()), None)
    if path is None:
        return None
    found = read_json_as(SearchResult, path, "delete it, or export with --budget again", finite=False)
    return found if found.checkpoint == manifest.read(export).checkpoint else None


def as_text(result: SearchResult) -> str:
    """The search as a table for a terminal."""
    lines = [f"{'variant':<14} {'kept':>5} {'MB':>6} {'PSNR':>6} {'flips':>8} {'IoU lost':>9} {'worst':>7}  verdict"]
    for steps in result.steps.values():
        for step in steps:
            drift, verdict = step.drift, "; ".join(step.breaches) or "holds: chosen"
            lines.append(
                f"{step.variant:<14} {len(step.kept):>5} {step.bytes / 1e6:>6.2f} {drift.psnr:>6.1f} "
                f"{drift.flips:>8.3%} {drift.iou_change:>9.4f} {drift.worst_change:>7.4f}  {verdict}"
            )
    return "\n".join(lines)


class _TargetSearch:
    """The search of one target."""

    def __init__(
        self,
        run: Run,
        made: Variants,
        target: str,
        limits: Mapping[str, float],
        photos: Sequence[Photo],
        calibration: Calibration,
        contract: Contract,
        folder: Path,
    ) -> None:
        self._run, self._made, self._target, self._limits = run, made, target, limits
        self._photos, self._contract, self._folder = photos, contract, folder
        self._examples = calibration.inputs[:_RANKED_ON]
        self._onnx = BACKENDS["onnx"].open(run.checkpoint, run.export)
        self._reference = evaluate_masks(self._onnx, photos, contract)
        self._whole_size = cache(lambda precision: size(self._write(precision, ())))

    def steps(self, ladder: Sequence[Precision]) -> Iterator[Trial]:
        """What is tried, up to the first variant that holds."""
        for precision, above in zip(ladder, [*ladder[1:], None], strict=True):
            step = self._judge(precision, [], self._write(precision, []))
            yield step
            if not step.breaches:
                return
            ranked = self._ranked(precision)
            for count in _doubling(len(ranked)):
                path = self._write(precision, ranked[:count])
                if above and size(path) >= self._whole_size(above):
                    break
                step = self._judge(precision, ranked[:count], path)
                yield step
                if not step.breaches:
                    return

    def _judge(self, precision: Precision, kept: list[str], path: Path) -> Trial:
        name = f"{self._target}-{precision}"
        predictions: list[Prediction] = evaluate_masks(
            BACKENDS[name].open(self._run.checkpoint, self._folder), self._photos, self._contract
        )
        drift = measure(reference=self._reference, candidate=predictions, contract=self._contract)
        return Trial(name, kept, size(path), drift, breaches(drift, _tightened(name, self._limits)))

    def _ranked(self, precision: Precision) -> list[str]:
        """Layers, the most sensitive first."""
        sensitivity = self._made.sensitivity(precision, self._examples, [self._onnx(image) for image in self._examples])
        return sorted(sensitivity, key=lambda layer: -sensitivity[layer])

    def _write(self, precision: Precision, kept: Sequence[str]) -> Path:
        path = self._folder / KINDS[f"{self._target}-{precision}"].file
        self._made.write(precision, path, kept)
        return path


def _doubling(most: int) -> Iterator[int]:
    count = 1
    while count < most:
        yield count
        count *= 2


def _tightened(backend: str, limits: Mapping[str, float]) -> Budget:
    """The budget of a backend in budgets.yaml, with each of the user's limits that is tighter."""
    budgets, hops = read_budgets()
    standing = next(budgets[hop.budget] for hop in hops if hop.candidate == backend)
    tighter = {
        name: (max if name == "psnr" else min)(limit, standing.get(name, limit)) for name, limit in limits.items()
    }
    return {**standing, **tighter}
