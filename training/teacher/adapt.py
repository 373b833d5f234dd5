"""Fine-tunes a SAM with LoRA on a few pairs. The prompts are the boxes of the pairs' own masks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from training.data.pairs import Pair, Pairs
from training.data.photos import read_photo
from training.data.split import split
from training.student.errors import BadInput
from training.teacher import lora
from training.teacher.instances import MaskInstance, instance_iou, jittered_box, mask_instances, target_and_weight
from training.teacher.proposals import Boxes
from training.teacher.protocol import Settings
from training.teacher.segmenters import SEGMENTERS, Segmenter
from training.teacher.weights import find_weights

PairInstances = Sequence[tuple[Pair, Sequence[MaskInstance]]]
"""Pairs with the instances in their masks, at least one each."""

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Options(Settings):
    """The options of a fine-tuning run."""

    segmenter: str = "facebook/sam-vit-base"
    """A folder or a repository of the hub: SAM, SAM-HQ or SAM 2."""
    rank: Count = 4
    """LoRA rank for query and value; rank 4 makes a file of about 1 MB for the smallest SAM."""
    steps: Count = 300
    batch: Count = 4
    """Photos per step, one instance of each."""
    learning_rate: Positive = 1e-3
    """Peak of the one-cycle schedule."""
    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """How far each edge of a prompt is moved at random, as a share of the box; a detector's boxes are no better."""
    smallest: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Parts of a class smaller than this share of its area on a photo are not used as instances."""
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """Share of pairs held out for validation; at 0 the IoU is measured on the training pairs."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


@dataclass(frozen=True, slots=True)
class AdaptResult:
    """The result of a fine-tuning run."""

    rank: int
    parameters: int
    before: float
    """Mean IoU over the validation instances, before fine-tuning."""
    after: float
    instances: int
    """Number of validation instances."""

    def facts(self) -> dict[str, Any]:
        """The result as an adapter file stores it; older files have `things`, so that key stays."""
        return {"things" if name == "instances" else name: value for name, value in asdict(self).items()}

    def __str__(self) -> str:
        return (
            f"rank {self.rank}, {self.parameters} parameters: IoU {self.before:.3f} → {self.after:.3f} over "
            f"{self.instances} instance{'s' if self.instances > 1 else ''}"
        )


def adapt_segmenter(
    options: Options, pairs: Pairs, to: Path, *, weights: str | None = None, device: str = "auto"
) -> AdaptResult:
    """Fine-tune the segmenter and save the adapter.

    Args:
        options: The options of the run.
        pairs: Photos and masks to learn from.
        to: The adapter file to write.
        weights: A folder with the segmenter's weights; None: what the options name.
        device: A torch device, or `auto`.

    Raises:
        BadInput: The masks are empty, or the weights cannot be found.
    """
    found = find_weights("segmenter", weights or options.segmenter, SEGMENTERS)
    segmenter = Segmenter(found, device=device, arithmetic="fp32")
    parts = split(pairs.pairs, validation=options.validation, seed=options.seed) if options.validation else None
    training, validation = (parts.train, parts.validation) if parts else (pairs.pairs, pairs.pairs)
    shown, held_out = _with_instances(training, pairs, options), _with_instances(validation, pairs, options)
    if not shown or not held_out:
        purpose = "validate on" if shown else "learn from"
        raise BadInput(f"the masks of {pairs.folder} are empty, so there is nothing to {purpose}; add pairs")
    before = mean_instance_iou(segmenter, held_out)
    parameters = _train(segmenter, shown, options)
    after = mean_instance_iou(segmenter, held_out)
    result = AdaptResult(options.rank, parameters, before, after, sum(len(some) for _, some in held_out))
    # The key `knobs` is what older adapters have.
    facts = {"knobs": options.model_dump(mode="json")} | result.facts()
    lora.save_adapter(to, segmenter.model.network, found, options.rank, facts)
    return result


def _with_instances(of: Sequence[Pair], pairs: Pairs, options: Options) -> PairInstances:
    found = ((pair, mask_instances(pair, len(pairs.classes), options.smallest)) for pair in of)
    return [(pair, some) for pair, some in found if some]


def _train(segmenter: Segmenter, shown: PairInstances, options: Options) -> int:
    """Add LoRA to its network and train it, in place; returns the number of parameters."""
    import torch
    from tqdm import tqdm

    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        learning = lora.add_lora(segmenter.model.network, options.rank)
    rng = np.random.default_rng(options.seed)
    optimiser = torch.optim.AdamW(learning, lr=options.learning_rate, weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.learning_rate, total_steps=options.steps)
    for _ in tqdm(range(options.steps), f"rank {options.rank}", unit=" steps", leave=False, disable=None):
        optimiser.zero_grad()
        _loss(segmenter, _batch(shown, options.batch, rng), options.jitter, rng).backward()
        optimiser.step()
        schedule.step()
    return sum(parameter.numel() for parameter in learning)


def _batch(shown: PairInstances, size: int, rng: np.random.Generator) -> list[tuple[Pair, MaskInstance]]:
    # A batch larger than the number of photos takes some twice, perhaps with another instance or box.
    picked = rng.permutation(np.arange(max(size, len(shown))) % len(shown))[:size]
    return [(shown[index][0], shown[index][1][rng.integers(len(shown[index][1]))]) for index in picked]


def _loss(
    segmenter: Segmenter, batch: Sequence[tuple[Pair, MaskInstance]], jitter: float, rng: np.random.Generator
) -> Any:
    """The loss of every mask that SAM proposes for a box: within one domain a box means one thing."""
    import torch

    network = segmenter.model.network
    inputs = [segmenter.model.inputs(read_photo(pair.photo)) for pair, _ in batch]
    boxes = [jittered_box(instance, jitter, rng) for _, instance in batch]
    prompts = torch.cat([segmenter.prompts(one, box) for one, box in zip(inputs, boxes, strict=True)])
    pixels = segmenter.model.to_network(torch.cat([one["pixel_values"] for one in inputs]))
    logits = network(pixel_values=pixels, input_boxes=prompts, multimask_output=True).pred_masks[:, 0]
    frames = [segmenter.frame(one) for one in inputs]
    both = [
        target_and_weight(instance, frame, logits.shape[-2:])
        for (_, instance), frame in zip(batch, frames, strict=True)
    ]
    target, weight = (torch.from_numpy(np.stack(each)[:, None]).to(logits) for each in zip(*both, strict=True))
    return mask_loss(logits, target, weight)


def mask_loss(logits: Any, target: Any, weight: Any) -> Any:
    """Sum of binary cross-entropy and Dice loss, mean over masks.

    Args:
        logits: (N, masks, rows, columns).
        target: (N, 1, rows, columns): the target of each mask, 0 to 1.
        weight: (N, 1, rows, columns): the weight of each pixel.
    """
    import torch.nn.functional as F

    target = target.expand_as(logits)
    entropy = (F.binary_cross_entropy_with_logits(logits, target, reduction="none") * weight).sum((-2, -1))
    probability = logits.sigmoid() * weight
    dice = 2 * (probability * target).sum((-2, -1)) / ((probability + target * weight).sum((-2, -1)) + 1e-6)
    return (entropy / weight.sum((-2, -1)) + 1 - dice).mean()


def mean_instance_iou(segmenter: Segmenter, shown: PairInstances) -> float:
    """Mean IoU over instances: each is prompted with its own box, and the mask with the best score counts."""
    ious: list[float] = []
    for pair, some in shown:
        boxes = Boxes(np.array([one.region.box for one in some], np.float32), np.ones((len(some), 1), np.float32))
        proposals = segmenter.look([read_photo(pair.photo)], [boxes])[0]
        best = proposals.mask_scores.argmax(axis=1).tolist()
        ious += [instance_iou(instance, proposals.masks[index][best[index]]) for index, instance in enumerate(some)]
    return float(np.mean(ious))
