"""The walk: for each target from the smallest variant up, to the first whose masks hold the budget.

Where a whole variant does not hold, the layers that do most harm alone stay in higher precision, in doubling numbers,
as long as the file stays smaller than the next variant. Layers are ranked on calibration photos; every verdict is on
held-out ones.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter

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
from training.student.contract import Contract
from training.student.errors import BadInput, ParityBreached

FILE = "walk.json"
"""Beside the manifest."""

# By bits of weights and activations together. int16 is left out: a phone's CPU takes far longer for it than for fp32.
LADDERS: Mapping[str, tuple[Precision, ...]] = MappingProxyType(
    {"coreml": ("p4", "p6", "w8", "fp16", "fp32"), "tflite": ("int8", "w8", "fp16", "fp32")}
)
MEASURES: Mapping[str, str] = MappingProxyType(
    {"iou": "iou_change", "worst": "worst_change", "flips": "flips", "psnr": "psnr"}
)
"""What a budget may limit, and the name of it in budgets.yaml."""

_RANKED_ON = 4
"""Calibration photos on which one layer alone is judged."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One variant tried."""

    variant: str
    """A key of `artefact.KINDS`."""
    kept: list[str]
    """Layers in higher precision, the most harmful first."""
    bytes: int
    drift: Drift
    breaches: list[str]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was tried, and what was chosen."""

    checkpoint: str
    """sha256 of the student's weights."""
    limits: dict[str, float]
    """Named by the user, beyond the standing budgets."""
    photos: list[str]
    steps: dict[str, list[Trial]]
    """By target, in order; the last is chosen unless it breaches."""


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
    """Export the smallest variant of each phone target that holds, and keep the walk beside it.

    Args:
        run: With a trained student.
        targets: Of `LADDERS`; all when none is named.
        limits: As `parse_limits` gives them; each variant's standing budget holds beside them.
        pairs: Held-out ones.
        calibration: What ranges are measured and layers ranked on.
        precisions: To choose among; all when none is named.

    Raises:
        BadInput: No target has such a precision.
        ParityBreached: Not even the last, fp32 unless others were named, holds the budget.
        ConversionRefused: A target cannot express the student.
    """
    ladders = _ladders(targets, precisions)
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
    for target, steps in result.steps.items():
        if steps[-1].breaches:
            raise ParityBreached(
                f"no variant of {target} holds: {'; '.join(steps[-1].breaches)} in {steps[-1].variant}"
            )
    return result


def _ladders(targets: tuple[str, ...], precisions: tuple[str, ...]) -> dict[str, tuple[Precision, ...]]:
    """Those of these targets, with these precisions alone."""
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
    """The walk that was kept beside a manifest; None where there was none of this very student.

    Raises:
        BadInput: It is damaged.
    """
    if not (export / FILE).is_file():
        return None
    try:
        found: SearchResult = TypeAdapter(SearchResult).validate_json((export / FILE).read_bytes())
    except ValueError as error:
        raise BadInput(f"{export / FILE} is damaged: {error!r}; delete it, or export with --budget again") from error
    return found if found.checkpoint == manifest.read(export).checkpoint else None


def as_text(result: SearchResult) -> str:
    """The walk as a table for a terminal."""
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
    """One target's way up."""

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
        """What was tried, up to the first that holds."""
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
        """Layers by the error that each causes alone, worst first."""
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
    """The standing budget of a backend, with each limit in its place where that is tighter."""
    budgets, hops = read_budgets()
    standing = next(budgets[hop.budget] for hop in hops if hop.candidate == backend)
    tighter = {
        name: (max if name == "psnr" else min)(limit, standing.get(name, limit)) for name, limit in limits.items()
    }
    return {**standing, **tighter}
