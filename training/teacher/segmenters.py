"""Segmenters that draw a mask in each box: SAM, SAM-HQ and SAM 2 behind one interface."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from training.student.arrays import Floats, Pixels
from training.student.digest import sha256
from training.teacher.model import Architecture, Arithmetic, Model
from training.teacher.proposals import Boxes, Proposals
from training.teacher.region import Region
from training.teacher.weights import Weights

SEGMENTERS: Mapping[str, Architecture] = MappingProxyType(
    {
        "sam": Architecture("SamModel", "SamProcessor"),
        "sam_hq": Architecture("SamHQModel", "SamHQProcessor"),
        "sam2": Architecture("Sam2Model", "Sam2Processor"),
    }
)
"""By `model_type` in transformers."""

# Boxes decoded together. Masks are enlarged to the photo's size afterwards, one box at a time, to save memory.
_BOXES_AT_ONCE = 32


class Segmenter:
    """Draws masks in boxes; its model is loaded on first use."""

    def __init__(self, weights: Weights, *, device: str, arithmetic: Arithmetic, adapter: Path | None = None) -> None:
        self.model = Model(weights, SEGMENTERS, device, arithmetic)
        self.adapter = adapter

    @cached_property
    def _network(self) -> Any:
        network = self.model.network
        if self.adapter:
            from training.teacher import lora

            lora.load_adapter(self.adapter, network, self.model.weights)
        return network

    def record(self) -> dict[str, str]:
        """Origin of the weights, and the SHA-256 of each file, the adapter included."""
        adapter = {"adapter": sha256(self.adapter)} if self.adapter else {}
        return self.model.weights.record() | adapter

    def look(self, photos: Sequence[Pixels], found: Sequence[Boxes]) -> list[Proposals]:
        """All masks that the segmenter proposes for the boxes on each (rows, columns, 3) RGB photo."""
        import torch

        proposals = {
            index: Proposals((photo.shape[0], photo.shape[1]), boxes, [], np.zeros((0, 1), np.float32))
            for index, (photo, boxes) in enumerate(zip(photos, found, strict=True))
        }
        # Photos without boxes skip the encoder, which takes most of the time.
        busy = [index for index, boxes in enumerate(found) if len(boxes.boxes)]
        inputs = [self.model.inputs(photos[index]) for index in busy]
        if busy:
            with torch.inference_mode():
                pixels = torch.cat([one["pixel_values"] for one in inputs])
                embedded = self._embed(self.model.to_network(pixels))
                for place, index in enumerate(busy):
                    masks, scores = self._draw(inputs[place], _one_of(embedded, place), found[index].boxes)
                    proposals[index] = Proposals(proposals[index].size, found[index], masks, scores)
        return list(proposals.values())

    def _embed(self, pixels: Any) -> dict[str, Any]:
        embedded = self._network.get_image_embeddings(pixels)
        if self.model.weights.model_type == "sam_hq":
            return {"image_embeddings": embedded[0], "intermediate_embeddings": list(embedded[1])}
        return {"image_embeddings": embedded}

    def _draw(self, inputs: Any, embedded: dict[str, Any], boxes: Floats) -> tuple[list[list[Region]], Floats]:
        masks: list[list[Region]] = []
        scores = []
        for start in range(0, len(boxes), _BOXES_AT_ONCE):
            prompts = self.prompts(inputs, boxes[start : start + _BOXES_AT_ONCE])
            output = self._network(**embedded, input_boxes=prompts, multimask_output=True)
            scores.append(output.iou_scores[0].float().clamp(0, 1).cpu().numpy())
            for logits in output.pred_masks[0].float().cpu():
                masks.append([Region.from_mask(one.numpy()) for one in self._upright(logits[None], inputs)[0]])
        return masks, np.concatenate(scores)

    def prompts(self, inputs: Any, boxes: Floats) -> Any:
        """(1, N, 4) boxes in pixels of the network's input, from (N, 4) in pixels of the photo."""
        import torch

        rows, columns = inputs["original_sizes"][0].tolist()
        (height, width), _ = self.frame(inputs)
        scaled = boxes * np.array([width / columns, height / rows] * 2)
        return torch.from_numpy(scaled)[None].to(self.model.network.device, torch.float32)

    def frame(self, inputs: Any) -> tuple[tuple[int, int], tuple[int, int]]:
        """(rows, columns) that the photo fills of the network's input, and those of the input.

        SAM and SAM-HQ keep the photo's shape and pad it at right and bottom, SAM 2 stretches it.
        """
        height, width = inputs["pixel_values"].shape[-2:]
        if "reshaped_input_sizes" not in inputs:
            return (height, width), (height, width)
        rows, columns = inputs["reshaped_input_sizes"][0].tolist()
        return (rows, columns), (height, width)

    def _upright(self, logits: Any, inputs: Any) -> Any:
        """Boolean masks at the photo's size, from (1, M, height, width) logits of the network."""
        sizes = [inputs["original_sizes"]]
        if "reshaped_input_sizes" in inputs:
            sizes.append(inputs["reshaped_input_sizes"])
        return self.model.processor.post_process_masks([logits], *sizes)[0]


def _one_of(embedded: dict[str, Any], place: int) -> dict[str, Any]:
    def one(value: Any) -> Any:
        return [one(each) for each in value] if isinstance(value, list) else value[place : place + 1]

    return {name: one(value) for name, value in embedded.items()}
