"""The teacher `sam3`: SAM 3 takes the phrase as its prompt, and gives boxes, scores and masks at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from training.student.arrays import Pixels
from training.teacher.model import Architecture, Arithmetic, Model
from training.teacher.phrases import Phrase
from training.teacher.proposals import Boxes, Proposals
from training.teacher.protocol import Decision, Findings, UnusableTeacher
from training.teacher.region import Region
from training.teacher.selection import DECIDE_ONLY, SelectionOptions, Share, decide_from_proposals
from training.teacher.weights import find_weights

# `sam3_video` checkpoints hold this network beside a tracker.
ARCHITECTURES = dict.fromkeys(("sam3", "sam3_video"), Architecture("Sam3Model", "Sam3Processor"))


class Options(SelectionOptions):
    """Which model, and which of its proposals are taken."""

    decide_only: ClassVar[frozenset[str]] = DECIDE_ONLY

    model: str = "facebook/sam3"
    """A folder or a repository of the hub. For the default, accept its owner's terms on the hub first."""
    arithmetic: Arithmetic = "fp32"
    floor: Share = 0.1
    """Proposals with a lower score are not kept at all."""
    most: Annotated[int, Field(ge=1)] = 100
    """How many proposals to keep per photo, best first."""
    threshold: Share = 0.5
    """Least score of an object in the mask."""

    @model_validator(mode="after")
    def _reachable(self) -> "Options":
        if self.threshold < self.floor:
            raise ValueError(f"threshold={self.threshold} is below floor={self.floor}, where nothing is kept")
        return self


@dataclass(eq=False)
class Sam3:
    """See `training.teacher.protocol.Teacher`."""

    settings: Options
    phrases: tuple[Phrase, ...]
    model: Model
    name: str = "sam3"

    @property
    def weights(self) -> Mapping[str, str]:
        """Origin of the weights, and the SHA-256 of each file."""
        return self.model.weights.record()

    @cached_property
    def _texts(self) -> list[tuple[int, dict[str, Any]]]:
        """For each text: the index of its phrase, and the network's text inputs."""
        tokenizer = self.model.processor.tokenizer
        most = self.model.network.config.text_config.max_position_embeddings
        read = []
        for index, phrase in enumerate(self.phrases):
            for text in phrase.texts:
                encoded = tokenizer(text, padding="max_length", max_length=most, return_tensors="pt")
                if encoded["input_ids"].shape[1] > most:
                    length = encoded["input_ids"].shape[1]
                    raise UnusableTeacher(f"phrase '{text}' takes {length} tokens, at most {most} fit; shorten it")
                placed = {name: encoded[name].to(self.model.network.device) for name in ("input_ids", "attention_mask")}
                read.append((index, placed))
        return read

    def look(self, photos: Sequence[Pixels]) -> list[Findings]:
        """Boxes and masks for each text; the image encoder runs once per photo."""
        import torch

        pixels = self.model.to_network(torch.cat([self.model.inputs(photo)["pixel_values"] for photo in photos]))
        found: list[list[tuple[int, Any]]] = [[] for _ in photos]
        with torch.inference_mode():
            seen = self.model.network.get_vision_features(pixel_values=pixels)
            for phrase, text in self._texts:
                texts = {name: value.expand(len(photos), -1) for name, value in text.items()}
                output = self.model.network(vision_embeds=seen, **texts)
                # The score of a query, times the probability that the photo shows such an object at all.
                scores = output.pred_logits.float().sigmoid() * output.presence_logits.float().sigmoid()
                for index, one in enumerate(zip(scores, output.pred_boxes.float(), output.pred_masks, strict=True)):
                    found[index].append((phrase, one))
            return [self._proposals(photo, one).to_findings() for photo, one in zip(photos, found, strict=True)]

    def _proposals(self, photo: Pixels, found: Sequence[tuple[int, Any]]) -> Proposals:
        import torch

        rows, columns = photo.shape[:2]
        number = [len(scores) for _, (scores, _, _) in found]
        per_phrase = np.zeros((sum(number), len(self.phrases)), np.float32)
        owners = np.repeat([phrase for phrase, _ in found], number)
        per_phrase[np.arange(len(owners)), owners] = torch.cat([one[0] for _, one in found]).cpu().numpy()
        relative = torch.cat([one[1] for _, one in found]).cpu().numpy()
        masks = torch.cat([one[2] for _, one in found])
        boxes, order = Boxes.top(
            (relative * [columns, rows, columns, rows]).astype(np.float32),
            per_phrase,
            (rows, columns),
            floor=self.settings.floor,
            most=self.settings.most,
        )
        regions = [[Region.from_mask(_upright(masks[index], (rows, columns)))] for index in order]
        return Proposals((rows, columns), boxes, regions, np.full((len(order), 1), np.nan, np.float32))

    def decide(self, findings: Findings) -> Decision:
        """All objects that reach the threshold."""
        return decide_from_proposals(
            Proposals.from_findings(findings), self.settings, threshold=self.settings.threshold
        )


def _upright(logits: Any, size: tuple[int, int]) -> Any:
    """(rows, columns) booleans. Probabilities are resized, not logits, as in SAM 3's own post-processing."""
    import torch

    chances = logits.float().sigmoid()[None, None]
    resized = torch.nn.functional.interpolate(chances, size=size, mode="bilinear", align_corners=False)
    return (resized[0, 0] > 0.5).cpu().numpy()


def build(options: Options, phrases: tuple[Phrase, ...], weights: str | None = None, device: str = "auto") -> Sam3:
    """Make the teacher.

    Args:
        options: Its options.
        phrases: What to look for.
        weights: A folder; None: what the options name.
        device: A torch device, or `auto`.

    Raises:
        BadInput: The weights cannot be found.
    """
    found = find_weights("model", weights or options.model, ARCHITECTURES)
    return Sam3(options, phrases, Model(found, ARCHITECTURES, device, options.arithmetic))
