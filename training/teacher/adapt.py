"""Adapting a SAM to a domain from a handful of pairs: boxes of their masks as prompts, low-rank additions learn."""

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
"""Pairs, and what is on each: something."""

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Options(Settings):
    """All that decides what is learnt, the pairs apart."""

    segmenter: str = "facebook/sam-vit-base"
    """A folder, or a repository of the hub: SAM, SAM-HQ or SAM 2."""
    rank: Count = 4
    """Of the additions to query and value; 4 makes a file of about 1 MB for the smallest SAM."""
    steps: Count = 300
    batch: Count = 4
    """Photos a step, one instance of each."""
    learning_rate: Positive = 1e-3
    """Peak of the one-cycle schedule."""
    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """How far an edge of a prompt may stray, as a share of the box: a detector's boxes are no better."""
    smallest: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Parts of a class smaller than this share of it on a photo are no things of their own."""
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """Share of pairs held out to judge by; 0 judges by what was taught."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


@dataclass(frozen=True, slots=True)
class AdaptResult:
    """What an adaptation came to."""

    rank: int
    parameters: int
    before: float
    """Mean IoU over the judged things as the segmenter comes."""
    after: float
    things: int
    """Those judged."""

    def __str__(self) -> str:
        return (
            f"rank {self.rank}, {self.parameters} parameters: IoU {self.before:.3f} → {self.after:.3f} over "
            f"{self.things} instance{'s' if self.things > 1 else ''}"
        )


def adapt_segmenter(
    options: Options, pairs: Pairs, to: Path, *, weights: str | None = None, device: str = "auto"
) -> AdaptResult:
    """Teach the segmenter, and keep what it learnt.

    Args:
        options: How.
        pairs: What.
        to: The adapter's file.
        weights: A folder with the segmenter's weights; None: what the options name.
        device: As torch names it, or `auto`.

    Raises:
        BadInput: The pairs show nothing, or weights are not to be had.
    """
    found = find_weights("segmenter", weights or options.segmenter, SEGMENTERS)
    segmenter = Segmenter(found, device=device, arithmetic="fp32")
    parts = split(pairs.pairs, validation=options.validation, seed=options.seed) if options.validation else None
    taught, judged = (parts.train, parts.validation) if parts else (pairs.pairs, pairs.pairs)
    shown, held = _with_instances(taught, pairs, options), _with_instances(judged, pairs, options)
    if not shown or not held:
        raise BadInput(f"the masks of {pairs.folder} show nothing to {'judge by' if shown else 'learn'}; add pairs")
    before = mean_instance_iou(segmenter, held)
    learning = _train(segmenter, shown, options)
    learnt = AdaptResult(
        options.rank, learning, before, mean_instance_iou(segmenter, held), sum(len(some) for _, some in held)
    )
    lora.save_adapter(
        to, segmenter.model.network, found, options.rank, {"knobs": options.model_dump(mode="json")} | asdict(learnt)
    )
    return learnt


def _with_instances(of: Sequence[Pair], pairs: Pairs, options: Options) -> PairInstances:
    found = ((pair, mask_instances(pair, len(pairs.classes), options.smallest)) for pair in of)
    return [(pair, some) for pair, some in found if some]


def _train(segmenter: Segmenter, shown: PairInstances, options: Options) -> int:
    """Train additions to its network in place; returns how many numbers they have."""
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
    # More than there are photos: some come twice, perhaps with another instance or box.
    picked = rng.permutation(np.arange(max(size, len(shown))) % len(shown))[:size]
    return [(shown[index][0], shown[index][1][rng.integers(len(shown[index][1]))]) for index in picked]


def _loss(
    segmenter: Segmenter, batch: Sequence[tuple[Pair, MaskInstance]], jitter: float, rng: np.random.Generator
) -> Any:
    """Of every mask that SAM proposes: in one domain a box means one instance."""
    import torch

    network = segmenter.model.network
    inputs = [segmenter.model.inputs(read_photo(pair.photo)) for pair, _ in batch]
    boxes = [jittered_box(instance, jitter, rng) for _, instance in batch]
    prompts = torch.cat([segmenter.prompts(one, box) for one, box in zip(inputs, boxes, strict=True)])
    pixels = segmenter.model.to_network(torch.cat([one["pixel_values"] for one in inputs]))
    logits = network(pixel_values=pixels, input_boxes=prompts, multimask_output=True).pred_masks[:, 0]
    frames = [segmenter.frame(one) for one in inputs]
    aims = [
        target_and_weight(instance, frame, logits.shape[-2:])
        for (_, instance), frame in zip(batch, frames, strict=True)
    ]
    aim, counts = (torch.from_numpy(np.stack(each)[:, None]).to(logits) for each in zip(*aims, strict=True))
    return mask_loss(logits, aim, counts)


def mask_loss(logits: Any, aim: Any, counts: Any) -> Any:
    """Dice and cross-entropy, equally.

    Args:
        logits: (N, masks, rows, columns).
        aim: (N, 1, rows, columns): what each mask should be, 0 to 1.
        counts: Likewise: what each pixel counts.
    """
    import torch.nn.functional as F

    aim = aim.expand_as(logits)
    entropy = (F.binary_cross_entropy_with_logits(logits, aim, reduction="none") * counts).sum((-2, -1))
    chance = logits.sigmoid() * counts
    overlap = 2 * (chance * aim).sum((-2, -1)) / ((chance + aim * counts).sum((-2, -1)) + 1e-6)
    return (entropy / counts.sum((-2, -1)) + 1 - overlap).mean()


def mean_instance_iou(segmenter: Segmenter, shown: PairInstances) -> float:
    """Mean IoU, over things, of the best-scored mask in a instance's own box."""
    ious: list[float] = []
    for pair, some in shown:
        boxes = Boxes(np.array([one.region.box for one in some], np.float32), np.ones((len(some), 1), np.float32))
        proposals = segmenter.look([read_photo(pair.photo)], [boxes])[0]
        best = proposals.mask_scores.argmax(axis=1).tolist()
        ious += [instance_iou(instance, proposals.masks[index][best[index]]) for index, instance in enumerate(some)]
    return float(np.mean(ious))
