"""Detectors that find boxes for a phrase: GroundingDINO, MM-GroundingDINO and OWLv2 behind one interface."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from training.student.arrays import Floats, Pixels
from training.teacher.model import Architecture, Arithmetic, Model
from training.teacher.phrases import Phrase
from training.teacher.proposals import Boxes
from training.teacher.protocol import UnusableTeacher
from training.teacher.weights import Weights

TextInputs = tuple[dict[str, Any], list[list[int]]]
"""A model's text inputs, and for each phrase its positions in the model's scores."""


@dataclass(frozen=True, slots=True)
class DetectorArchitecture(Architecture):
    """One architecture, and how to prompt it."""

    threshold: float
    """The authors' default score threshold."""
    text_inputs: Callable[[Model, Sequence[Phrase]], TextInputs]
    square: bool
    """Whether its boxes are relative to the photo padded to a square, rather than to the photo."""


def _grounding_text_inputs(model: Model, phrases: Sequence[Phrase]) -> TextInputs:
    """All texts in one prompt, lower case, each ending in a dot: the way these models were trained."""
    prompt, spans = "", []
    for index, phrase in enumerate(phrases):
        for text in phrase.texts:
            if "." in text:
                raise UnusableTeacher(f"phrase '{text}' has a dot, which for this detector ends a phrase; leave it out")
            start = len(prompt)
            prompt += f"{text.lower()}. "
            spans.append((index, start, len(prompt) - len(". ")))
    encoded = model.processor.tokenizer(prompt.strip(), return_offsets_mapping=True, return_tensors="pt")
    offsets = encoded.pop("offset_mapping")[0].tolist()
    unknown = (encoded["input_ids"][0] == model.processor.tokenizer.unk_token_id).tolist()
    most = model.network.config.max_text_len
    if len(offsets) > most:
        raise UnusableTeacher(f"the phrases take {len(offsets)} tokens, at most {most} fit; use fewer or shorter ones")
    positions: list[list[int]] = [[] for _ in phrases]
    for index, start, end in spans:
        within = (at for at, (first, last) in enumerate(offsets) if start <= first < last <= end)
        positions[index] += [at for at in within if not unknown[at]]
    return dict(encoded), positions


def _owl_text_inputs(model: Model, phrases: Sequence[Phrase]) -> TextInputs:
    texts = [text for phrase in phrases for text in phrase.texts]
    most = model.network.config.text_config.max_position_embeddings
    lengths = [len(tokens) for tokens in model.processor.tokenizer(texts)["input_ids"]]
    if max(lengths) > most:
        longest = texts[lengths.index(max(lengths))]
        raise UnusableTeacher(f"phrase '{longest}' takes {max(lengths)} tokens, at most {most} fit; shorten it")
    encoded = model.processor.tokenizer(texts, padding="max_length", max_length=most, return_tensors="pt")
    ends = np.cumsum([len(phrase.texts) for phrase in phrases]).tolist()
    positions = [list(range(end - len(phrase.texts), end)) for phrase, end in zip(phrases, ends, strict=True)]
    return {name: encoded[name] for name in ("input_ids", "attention_mask")}, positions


DETECTORS: Mapping[str, DetectorArchitecture] = MappingProxyType(
    {
        "grounding-dino": DetectorArchitecture(
            "GroundingDinoForObjectDetection", "GroundingDinoProcessor", 0.35, _grounding_text_inputs, square=False
        ),
        "mm-grounding-dino": DetectorArchitecture(
            "MMGroundingDinoForObjectDetection", "GroundingDinoProcessor", 0.3, _grounding_text_inputs, square=False
        ),
        "owlv2": DetectorArchitecture("Owlv2ForObjectDetection", "Owlv2Processor", 0.2, _owl_text_inputs, square=True),
    }
)
"""By `model_type` in transformers."""


class Detector:
    """Finds boxes for phrases; its model is loaded on first use."""

    def __init__(
        self,
        weights: Weights,
        phrases: Sequence[Phrase],
        *,
        device: str,
        arithmetic: Arithmetic,
        floor: float,
        most: int,
    ) -> None:
        self.architecture = DETECTORS[weights.model_type]
        self.model = Model(weights, DETECTORS, device, arithmetic)
        self._phrases = phrases
        self._floor = floor
        self._most = most

    @cached_property
    def _text_inputs(self) -> TextInputs:
        read, positions = self.architecture.text_inputs(self.model, self._phrases)
        for phrase, at in zip(self._phrases, positions, strict=True):
            if not at:
                raise UnusableTeacher(f"phrase '{phrase.name}' has no word that the detector can read")
        return {name: value.to(self.model.network.device) for name, value in read.items()}, positions

    def look(self, photos: Sequence[Pixels]) -> list[Boxes]:
        """The boxes on each (rows, columns, 3) RGB photo.

        Photos with inputs of the same size go through the network together. No photo is padded to the size of
        another, since that would change its result.
        """
        import torch

        inputs = [self.model.inputs(photo) for photo in photos]
        read, positions = self._text_inputs
        found: dict[int, Boxes] = {}
        for shape in sorted({tuple(one["pixel_values"].shape) for one in inputs}):
            alike = [index for index, one in enumerate(inputs) if tuple(one["pixel_values"].shape) == shape]
            pixels = torch.cat([inputs[index]["pixel_values"] for index in alike])
            with torch.inference_mode():
                output = self._forward(self.model.to_network(pixels), read)
            logits, centred = output.logits.float().sigmoid().cpu().numpy(), output.pred_boxes.float().cpu().numpy()
            for index, scores, boxes in zip(alike, logits, centred, strict=True):
                size = photos[index].shape[0], photos[index].shape[1]
                per_phrase = np.stack([scores[:, at].max(axis=1) for at in positions], axis=1)
                corners = self._in_pixels(boxes, size)
                found[index], _ = Boxes.top(corners, per_phrase, size, floor=self._floor, most=self._most)
        return [found[index] for index in range(len(photos))]

    def _forward(self, pixels: Any, read: dict[str, Any]) -> Any:
        if self.architecture.square:
            # OWLv2 takes the texts of all photos concatenated.
            texts = {name: value.repeat(len(pixels), 1) for name, value in read.items()}
        else:
            texts = {name: value.expand(len(pixels), -1) for name, value in read.items()}
        return self.model.network(pixel_values=pixels, **texts)

    def _in_pixels(self, boxes: Floats, size: tuple[int, int]) -> Floats:
        rows, columns = (max(size), max(size)) if self.architecture.square else size
        middle, half = boxes[:, :2], boxes[:, 2:] / 2
        corners = np.concatenate([middle - half, middle + half], axis=1)
        return (corners * [columns, rows, columns, rows]).astype(np.float32)
