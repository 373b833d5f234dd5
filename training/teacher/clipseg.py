"""The teacher `clipseg`: each text gives a heat map, and what is hot enough is the thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import cv2
import numpy as np
from pydantic import Field

from training.student.arrays import Floats, Pixels
from training.teacher.model import Architecture, Arithmetic, Model
from training.teacher.phrases import Phrase
from training.teacher.protocol import Decision, Findings, Instance, Settings, UnusableTeacher
from training.teacher.region import Region, clean_region, connected_components
from training.teacher.selection import Share
from training.teacher.tuning import Choice, Range
from training.teacher.weights import find_weights

ARCHITECTURES = {"clipseg": Architecture("CLIPSegForImageSegmentation", "CLIPSegProcessor")}


class Options(Settings):
    """How hot is hot enough."""

    decide_only: ClassVar[frozenset[str]] = frozenset({"threshold", "combine", "fragment", "hole"})

    model: str = "CIDAS/clipseg-rd64-refined"
    """A folder, or a repository of the hub."""
    arithmetic: Arithmetic = "fp32"
    threshold: Annotated[Share, Range(0.05, 0.95)] = 0.4
    """Probability from which a pixel belongs to the thing; the best value varies with the phrase."""
    combine: Annotated[Literal["max", "mean"] | Annotated[int, Field(ge=1)], Choice(("mean", "max", 1, 2, 3, 4))] = (
        "mean"
    )
    """What several texts of a phrase make together of their logits; a number: that text alone, or the last, counts."""
    fragment: Annotated[Share, Range(0.001, 0.3, log=True)] = 0.02
    """Parts of a phrase's mask smaller than this share of it go."""
    hole: Annotated[Share, Range(0.0005, 0.3, log=True)] = 0.005
    """Holes smaller than this share of it are filled; larger ones are true."""


@dataclass(eq=False)
class ClipSeg:
    """See `training.teacher.protocol.Teacher`."""

    settings: Options
    phrases: tuple[Phrase, ...]
    model: Model
    name: str = "clipseg"

    @property
    def weights(self) -> Mapping[str, str]:
        """Origin, and the sha256 of each file."""
        return self.model.weights.record()

    @cached_property
    def _texts(self) -> dict[str, Any]:
        texts = [text for phrase in self.phrases for text in phrase.texts]
        encoded = self.model.processor.tokenizer(texts, padding=True, return_tensors="pt")
        length, most = encoded["input_ids"].shape[1], self.model.network.config.text_config.max_position_embeddings
        if length > most:
            raise UnusableTeacher(f"the longest text takes {length} tokens, at most {most} fit; shorten it")
        return {name: encoded[name].to(self.model.network.device) for name in ("input_ids", "attention_mask")}

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """`heat`: (texts, height, width) logits at the network's own size, whatever shape the photo has."""
        import torch

        pixels = torch.cat([self.model.inputs(photo)["pixel_values"] for photo in photos])
        number = len(self._texts["input_ids"])
        with torch.inference_mode():
            # The network pairs one text with one photo.
            logits = self.model.network(
                pixel_values=self.model.to_network(pixels).repeat_interleave(number, 0),
                **{name: value.repeat(len(photos), 1) for name, value in self._texts.items()},
            ).logits
        side = logits.shape[-2:]
        heat = logits.float().cpu().numpy().reshape(len(photos), number, *side).astype(np.float16)
        sizes = [(photo.shape[0], photo.shape[1]) for photo in photos]
        return [Findings(size, {"heat": one}) for size, one in zip(sizes, heat, strict=True)]

    def decide(self, findings: Findings) -> Decision:
        """What is hot enough; where phrases meet, the hottest has the pixel."""
        rows, columns = findings.size
        heat = findings.arrays["heat"].astype(np.float32)
        # Upsampled before the threshold and not after it, or edges would be stairs.
        hot = np.stack([cv2.resize(one, (columns, rows)) for one in self._per_phrase(heat)])
        chances = 1 / (1 + np.exp(-hot))
        winner, best = chances.argmax(axis=0), chances.max(axis=0)
        mask = np.zeros((rows, columns), np.uint8)
        instances: list[Instance] = []
        for phrase in range(len(self.phrases)):
            taken = Region.from_mask((winner == phrase) & (best >= self.settings.threshold))
            region = clean_region(taken, fragment=self.settings.fragment, hole=self.settings.hole)
            region.paint(mask, phrase + 1)
            instances += [_instance(phrase, part, chances[phrase]) for part in connected_components(region)]
        score = min((one.mask_score for one in instances if one.mask_score is not None), default=1 - float(best.max()))
        return Decision(mask, tuple(instances), score)

    def _per_phrase(self, heat: Floats) -> list[Floats]:
        ends = np.cumsum([len(phrase.texts) for phrase in self.phrases])
        combine = self.settings.combine
        if isinstance(combine, int):
            return [part[min(combine, len(part)) - 1] for part in np.split(heat, ends[:-1])]
        together = np.max if combine == "max" else np.mean
        return [together(part, axis=0) for part in np.split(heat, ends[:-1])]


def _instance(phrase: int, part: Region, chances: Floats) -> Instance:
    left, top, right, bottom = map(int, part.box)
    return Instance(phrase, part.box, None, float(chances[top:bottom, left:right][part.bits].mean()))


def build(options: Options, phrases: tuple[Phrase, ...], weights: str | None = None, device: str = "auto") -> ClipSeg:
    """The teacher.

    Args:
        options: Its settings.
        phrases: What to look for; longer texts than a word often do better, as "a photo of a coin".
        weights: A folder; None: what the options name.
        device: As torch names it, or `auto`.

    Raises:
        BadInput: Weights are not to be had.
    """
    found = find_weights("model", weights or options.model, ARCHITECTURES)
    return ClipSeg(options, phrases, Model(found, ARCHITECTURES, device, options.arithmetic))
