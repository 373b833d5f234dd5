"""Renders an HTML card for each artefact: its picture of a photo, its time, and its difference from the first one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2

from conversion.apply.effect import EFFECTS, EffectOptions, draw_effect, resolve_options
from conversion.demo.difference_map import FLIPPED, HIGHER, LOWER, draw_difference_map
from conversion.demo.models import TIMED_RUNS, Inference
from training.data.html_page import data_url
from training.data.preview import jpeg_data_url
from training.student.arrays import Pixels
from training.student.contract import Contract
from training.student.postprocess import postprocess

_TEMPLATE = Path(__file__).with_name("cards.html.j2")

RUNTIME_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "torch": "PyTorch",
        "onnxruntime": "ONNX Runtime",
        "litert": "LiteRT",
        "coreml": "Core ML",
        "coreml-executor-fp16": "our executor of Core ML",
    }
)


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """How the results are shown. Threshold and opening are used for binary students only."""

    effect: str
    """A key of `effect.EFFECTS`."""
    background: str
    """A colour, for the effect `background`."""
    foreground: tuple[str, ...]
    """Names of the classes that are kept; empty for a binary student."""
    threshold: float
    """On logits."""
    opening: int
    """Diameter of the ellipse, in pixels."""
    magnification: float
    """Of the difference map: a difference of 1 / this logits gets the full colour."""


@dataclass(frozen=True, slots=True)
class PhotoResults:
    """The results of all artefacts on one photo. The first one is the reference."""

    size: tuple[int, int]
    """(rows, columns) of the photo."""
    photo: Pixels
    """(rows, columns, 3) RGB, shrunk for the page."""
    inferences: tuple[Inference, ...]


def render_cards(results: PhotoResults, display: DisplayOptions) -> str:
    """The cards as HTML. No artefact runs for them.

    Raises:
        BadInput: The effect needs to know which classes to keep.
    """
    import jinja2

    reference = results.inferences[0]
    contract = _contract_for(reference.model.predictor.contract, display)
    effect_options = resolve_options(
        contract,
        display.effect,
        foreground=display.foreground,
        background=display.background if display.effect == "background" else None,
    )
    cards = [
        _card(inference, reference, results.photo, contract, effect_options, display)
        for inference in results.inferences
    ]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        cards=cards,
        reference=reference.model.name,
        slowest=max(inference.seconds for inference in results.inferences),
        effect=display.effect,
        runs=TIMED_RUNS,
        magnification=display.magnification,
        lower=LOWER,
        higher=HIGHER,
        flipped=FLIPPED,
        photo=results.size,
        drawn=results.photo.shape[:2],
        is_executed=any(inference.model.runtime.startswith("coreml-executor") for inference in results.inferences),
    )


def _card(
    inference: Inference,
    reference: Inference,
    photo: Pixels,
    contract: Contract,
    effect_options: EffectOptions,
    display: DisplayOptions,
) -> dict[str, Any]:
    rows, columns = photo.shape[:2]
    mask = postprocess(inference.logits, contract, rows, columns)
    difference: dict[str, Any] | None = None
    if inference is not reference:
        drawn = draw_difference_map(
            photo,
            reference=reference.logits,
            candidate=inference.logits,
            contract=contract,
            magnification=display.magnification,
        )
        difference = {
            "picture": jpeg_data_url(drawn.picture),
            "largest": drawn.largest,
            "flips": drawn.flips,
            "iou": drawn.iou,
        }
    model = inference.model
    return {
        "name": model.name,
        "gate": model.gate,
        "runtime": RUNTIME_NAMES[model.runtime],
        "bytes": model.bytes,
        "seconds": inference.seconds,
        "picture": _image_url(draw_effect(EFFECTS[display.effect], photo, mask, effect_options)),
        "difference": difference,
    }


def _contract_for(contract: Contract, display: DisplayOptions) -> Contract:
    if not contract.is_binary:
        return contract
    return replace(contract, threshold=float(display.threshold), open=int(display.opening))


def _image_url(picture: Pixels) -> str:
    """A data URL for a picture: JPEG for RGB, PNG for masks, which must be lossless, and for RGBA."""
    if picture.ndim == 3 and picture.shape[2] == 3:
        return jpeg_data_url(picture)
    stored = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA)
    encoded: Any = cv2.imencode(".png", stored)[1]
    return data_url(encoded.tobytes(), "png")
