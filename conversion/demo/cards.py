"""What each artefact made of a photo, as HTML: its picture, its time, its difference from the first."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2

from conversion.apply.effect import EFFECTS, EffectOptions, draw_effect, resolve_options
from conversion.demo.difference import FLIPPED, HIGHER, LOWER, difference
from conversion.demo.exhibits import RUNS, Answer
from training.data.html_page import data_url
from training.data.preview import jpeg_data_url
from training.student.arrays import Pixels
from training.student.contract import Contract
from training.student.postprocess import postprocess

_TEMPLATE = Path(__file__).with_name("cards.html.j2")

RUNTIMES: Mapping[str, str] = MappingProxyType(
    {
        "torch": "PyTorch",
        "onnxruntime": "ONNX Runtime",
        "litert": "LiteRT",
        "coreml": "Core ML",
        "coreml-executor-fp16": "our executor of Core ML",
    }
)


@dataclass(frozen=True, slots=True)
class Controls:
    """What is asked for beside the photo; a threshold and an opening count for binary students alone."""

    effect: str
    background: str
    """A colour, for the effect of that name."""
    foreground: tuple[str, ...]
    """Classes that stay; of a binary student its one."""
    threshold: float
    opening: int
    magnification: float


@dataclass(frozen=True, slots=True)
class Answers:
    """What all artefacts made of one photo, the first being the reference."""

    size: tuple[int, int]
    """(rows, columns) of the photo."""
    photo: Pixels
    """(rows, columns, 3) RGB, shrunk to be shown."""
    answers: tuple[Answer, ...]


def render(found: Answers, controls: Controls) -> str:
    """The cards; no artefact runs again for them.

    Raises:
        BadInput: An effect has to know which classes stay.
    """
    import jinja2

    reference = found.answers[0]
    contract = _contract(reference.exhibit.predictor.contract, controls)
    look = resolve_options(
        contract,
        controls.effect,
        foreground=controls.foreground,
        background=controls.background if controls.effect == "background" else None,
    )
    cards = [_card(answer, reference, found.photo, contract, look, controls) for answer in found.answers]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        cards=cards,
        reference=reference.exhibit.name,
        slowest=max(answer.seconds for answer in found.answers),
        effect=controls.effect,
        runs=RUNS,
        magnification=controls.magnification,
        lower=LOWER,
        higher=HIGHER,
        flipped=FLIPPED,
        photo=found.size,
        drawn=found.photo.shape[:2],
        is_executed=any(answer.exhibit.runtime.startswith("coreml-executor") for answer in found.answers),
    )


def _card(
    answer: Answer, reference: Answer, photo: Pixels, contract: Contract, look: EffectOptions, controls: Controls
) -> dict[str, Any]:
    rows, columns = photo.shape[:2]
    mask = postprocess(answer.logits, contract, rows, columns)
    held: dict[str, Any] | None = None
    if answer is not reference:
        found = difference(
            photo,
            reference=reference.logits,
            candidate=answer.logits,
            contract=contract,
            magnification=controls.magnification,
        )
        held = {
            "picture": jpeg_data_url(found.picture),
            "largest": found.largest,
            "flips": found.flips,
            "iou": found.iou,
        }
    exhibit = answer.exhibit
    return {
        "name": exhibit.name,
        "gate": exhibit.gate,
        "runtime": RUNTIMES[exhibit.runtime],
        "bytes": exhibit.bytes,
        "seconds": answer.seconds,
        "picture": _url(draw_effect(EFFECTS[controls.effect], photo, mask, look)),
        "difference": held,
    }


def _contract(contract: Contract, controls: Controls) -> Contract:
    if not contract.is_binary:
        return contract
    return replace(contract, threshold=float(controls.threshold), open=int(controls.opening))


def _url(picture: Pixels) -> str:
    """A picture of any kind; as PNG where a loss or a lacking alpha would show."""
    if picture.ndim == 3 and picture.shape[2] == 3:
        return jpeg_data_url(picture)
    stored = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA)
    encoded: Any = cv2.imencode(".png", stored)[1]
    return data_url(encoded.tobytes(), "png")
