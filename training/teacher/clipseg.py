"""The teacher `clipseg`: CLIPSeg gives a heat map for each text; pixels above a threshold are the mask."""

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
    """Which model, and how its heat maps become a mask."""

    decide_only: ClassVar[frozenset[str]] = frozenset({"threshold", "combine", "fragment", "hole"})

    model: str = "CIDAS/clipseg-rd64-refined"
    """A folder or a repository of the hub."""
    arithmetic: Arithmetic = "fp32"
    threshold: Annotated[Share, Range(0.05, 0.95)] = 0.4
    """Least probability of a pixel in the mask; the best value varies with the phrase."""
    combine: Annotated[Literal["max", "mean"] | Annotated[int, Field(ge=1)], Choice(("mean", "max", 1, 2, 3, 4))] = (
        "mean"
    )
    """How to combine the logits of a phrase's texts; a number n takes the n-th text alone, or the last one."""
    fragment: Annotated[Share, Range(0.001, 0.3, log=True)] = 0.02
    """Components smaller than this share of the phrase's mask are removed."""
    hole: Annotated[Share, Range(0.0005, 0.3, log=True)] = 0.005
    """Holes smaller than this share of the phrase's mask are filled; larger ones are kept."""


@dataclass(eq=False)
class ClipSeg:
    """See `training.teacher.protocol.Teacher`."""

    settings: Options
    phrases: tuple[Phrase, ...]
    model: Model
    name: str = "clipseg"

    @property
    def weights(self) -> Mapping[str, str]:
        """Origin of the weights, and the SHA-256 of each file."""
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
        """`heat`: (texts, height, width) logits at the network's own size."""
        import torch

        pixels = torch.cat([self.model.inputs(photo)["pixel_values"] for photo in photos])
        number = len(self._texts["input_ids"])
        with torch.inference_mode():
            # The network takes one text per photo, so every photo is repeated for each text.
            logits = self.model.network(
                pixel_values=self.model.to_network(pixels).repeat_interleave(number, 0),
                **{name: value.repeat(len(photos), 1) for name, value in self._texts.items()},
            ).logits
        side = logits.shape[-2:]
        heat = logits.float().cpu().numpy().reshape(len(photos), number, *side).astype(np.float16)
        sizes = [(photo.shape[0], photo.shape[1]) for photo in photos]
        return [Findings(size, {"heat": one}) for size, one in zip(sizes, heat, strict=True)]

    def decide(self, findings: Findings) -> Decision:
        """Pixels above the threshold; where phrases overlap, the higher probability wins."""
        rows, columns = findings.size
        heat = findings.arrays["heat"].astype(np.float32)
        # Upsample before the threshold, or edges would be jagged.
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
    """Make the teacher.

    Args:
        options: Its options.
        phrases: What to look for; texts longer than a word often do better, such as "a photo of a coin".
        weights: A folder; None: what the options name.
        device: A torch device, or `auto`.

    Raises:
        BadInput: The weights cannot be found.
    """
    found = find_weights("model", weights or options.model, ARCHITECTURES)
    return ClipSeg(options, phrases, Model(found, ARCHITECTURES, device, options.arithmetic))
