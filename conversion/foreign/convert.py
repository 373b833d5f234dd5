"""Converts an ONNX file that was not trained here, and compares the artefact with it before writing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from conversion.artefact.kinds import ArtefactKind, Precision
from conversion.artefact.manifest import Artefact
from conversion.export.export import emit
from conversion.foreign.input_spec import ModelSpec
from conversion.foreign.wrap_onnx import WrappedModel, wrap_model
from conversion.gate import drift
from conversion.gate.drift import Budget, Drift
from conversion.gate.predictions import Prediction
from conversion.runtimes.runner import RUNTIMES, Runner
from conversion.source import to_onnx
from training.data.pairs import PHOTO_SUFFIXES
from training.data.photos import read_photo
from training.student.atomic_write import atomic_path
from training.student.contract import Contract
from training.student.errors import BadInput, ParityBreached
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess
from training.student.resize import bilinear

MAX_PHOTOS = 24
SUFFIXES = {"tflite": ".tflite", "coreml": ".mlpackage"}
_RUNTIMES = {
    ("tflite", "fp32"): "litert",
    ("tflite", "fp16"): "litert",
    ("coreml", "fp32"): "coreml-executor",
    ("coreml", "fp16"): "coreml-executor-fp16",
}


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was written, and how closely it computes what the model computes."""

    path: Path
    artefact: Artefact
    contract: Contract | None
    notes: tuple[str, ...]
    photos: str
    """What they were compared on, in words."""
    drift: Drift

    def __str__(self) -> str:
        """A few lines for the terminal."""
        pieces = "" if self.artefact.partitions is None else f"  XNNPACK partitions: {self.artefact.partitions}"
        lines = [f"{self.path}  {self.artefact.bytes / 1e6:.2f} MB  {self.artefact.seconds:.1f} s{pieces}"]
        if self.contract is not None:
            size, classes = f"{self.contract.height} × {self.contract.width}", ", ".join(self.contract.classes)
            lines.append(f"contract: {size}, stride {self.contract.stride}, {classes}")
        lines += self.notes
        masks = "" if self.contract is None else f", {self.drift.flips:.4%} flips, mask IoU {self.drift.iou:.4f}"
        lines.append(
            f"against ONNX Runtime on {self.photos}: PSNR {self.drift.psnr:.1f} dB, relative error "
            f"{self.drift.relative_error:.1e}{masks}"
        )
        return "\n".join(lines)


def convert(
    model: Path,
    target: str,
    precision: Precision,
    spec: ModelSpec,
    *,
    out: Path | None = None,
    photos: Path | None = None,
) -> Conversion:
    """Convert an ONNX file, compare the artefact with ONNX Runtime, and write it only if they agree.

    Args:
        model: The ONNX file.
        target: A key of `SUFFIXES`.
        precision: `fp32` or `fp16`.
        spec: What the user says about the model.
        out: Where to write; beside the model by default.
        photos: A folder of photos, or of pairs, to compare on; without one, synthetic pictures from a fixed seed.

    Raises:
        BadInput: The file, an option or the photos cannot be used.
        ConversionRefused: The target cannot express the model.
        ParityBreached: The artefact drifts beyond the budget; nothing was written.
    """
    path = out or model.with_name(f"{model.stem}-{precision}{SUFFIXES[target]}")
    if path.suffix != SUFFIXES[target]:
        raise BadInput(f"'{path.name}' must end in {SUFFIXES[target]}")
    wrapped = wrap_model(to_onnx.load(model), spec)
    _, _, height, width = wrapped.graph.shapes[wrapped.graph.inputs[0]]
    pictures = _read_photos(photos) if photos else _synthetic_pictures(height, width)
    budget = _budget_without_masks(drift.read_budgets()[0][precision])
    with atomic_path(path) as temporary:
        sizes = _contract_or_sizes(wrapped, (height, width))
        inputs = [preprocess(picture, sizes) for picture in pictures]
        artefact = emit(wrapped.graph, ArtefactKind(target, precision, path.name), temporary, wrapped.contract, inputs)
        runner = RUNTIMES[_RUNTIMES[target, precision]](temporary)
        measured = _measure(wrapped, runner, pictures, (height, width))
        compared = f"{len(pictures)} photos of {photos}" if photos else f"{len(pictures)} made-up pictures, no photos"
        if breaches := drift.breaches(measured, budget):
            raise ParityBreached(f"nothing was written: on {compared} {'; '.join(breaches)}")
    notes = wrapped.notes
    if harmed := list(artefact.single.values()):
        count = f"{len(harmed)} of {len(wrapped.graph.nodes)} operators"
        notes += (f"float32 in {count}, which float16 would harm, first {harmed[0]}",)
    return Conversion(path, artefact, wrapped.contract, notes, compared, measured)


def _measure(
    wrapped: WrappedModel, runner: Runner, pictures: Sequence[NDArray[np.uint8]], size: tuple[int, int]
) -> Drift:
    contract = _contract_or_sizes(wrapped, size)
    reference: list[Prediction] = []
    candidate: list[Prediction] = []
    for picture in pictures:
        image = preprocess(picture, contract)
        for predictions, run in ((reference, wrapped.reference), (candidate, runner)):
            logits = run(image)
            mask = postprocess(logits, contract, *picture.shape[:2]) if wrapped.contract else np.zeros((1, 1), np.uint8)
            predictions.append(Prediction(logits, mask, teacher_iou=float("nan")))
    return drift.measure(reference=reference, candidate=candidate, contract=contract)


def _contract_or_sizes(wrapped: WrappedModel, size: tuple[int, int]) -> Contract:
    """A contract for `preprocess`, which only uses its sizes; a model without a contract has sizes too."""
    return wrapped.contract or Contract(*size, 1, ("nothing",))


def _budget_without_masks(budget: Budget) -> Budget:
    """The limits that need no teacher mask."""
    return {name: limit for name, limit in budget.items() if name not in ("iou_change", "worst_change")}


def _read_photos(folder: Path) -> list[NDArray[np.uint8]]:
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder; name one that holds photos")
    inside = folder / "photos" if (folder / "photos").is_dir() else folder
    paths = sorted(path for path in inside.iterdir() if path.suffix.lower() in PHOTO_SUFFIXES)
    if not paths:
        raise BadInput(f"{inside} holds no photos ({', '.join(PHOTO_SUFFIXES)})")
    return [read_photo(path) for path in paths[:MAX_PHOTOS]]


def _synthetic_pictures(height: int, width: int) -> list[NDArray[np.uint8]]:
    """Smooth patches of colour with noise: every value occurs, and neighbouring pixels are similar, as in photos."""
    rng = np.random.default_rng(0)
    pictures = []
    for _ in range(8):
        patches = bilinear(rng.uniform(0, 255, (6, 6, 3)).astype(np.float32), height, width)
        pictures.append((patches + rng.normal(0, 6, patches.shape)).clip(0, 255).astype(np.uint8))
    return pictures
