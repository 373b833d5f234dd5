"""The loss: w · BCE, with more weight on the border, + (1 − w) · (−log dice)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from training.border import border
from training.recipe import Recipe
from training.student.metrics import IGNORED

# Keeps the dice of an empty teacher mask defined: it then falls with every pixel wrongly claimed.
_SMOOTHING = 1.0


def border_bce_dice(
    logits: Tensor, teacher_mask: Tensor, recipe: Recipe, class_weights: Tensor | None = None
) -> Tensor:
    """The loss of a batch, a scalar.

    Computed at the resolution of the input on bilinearly upsampled logits, so that the student learns what
    post-processing will do. Dice is taken per image, so that a large object does not drown a small one.

    Args:
        logits: (N, classes, H / stride, W / stride), one channel for a binary student.
        teacher_mask: (N, H, W) integer class indices, 255 where nobody judged.
        recipe: Its `bce_share` and `border_*`.
        class_weights: What a pixel of each class counts in the BCE, background first for a binary student.
    """
    upsampled = upsample(logits.float(), teacher_mask.shape[-2:])
    judged = (teacher_mask != IGNORED).unsqueeze(1).float()
    members = _members(teacher_mask, channels=logits.shape[1])
    if logits.shape[1] == 1:
        weight = border_weights(members, recipe, inner_only=recipe.border_side == "inner") * judged
        probability = upsampled.sigmoid()
        bce = F.binary_cross_entropy_with_logits(upsampled, members, reduction="none")
    else:
        # The inner bands of all classes together are the whole band.
        weight = border_weights(teacher_mask.unsqueeze(1).float(), recipe, inner_only=False) * judged
        log_probability = upsampled.log_softmax(dim=1)
        probability = log_probability.exp()
        bce = F.nll_loss(log_probability, teacher_mask.long(), ignore_index=IGNORED, reduction="none").unsqueeze(1)
    if class_weights is not None:
        # Where nobody judged the weight is 0 already.
        weight = weight * class_weights[teacher_mask.long().clamp(max=len(class_weights) - 1)].unsqueeze(1)
    mean_bce = (bce * weight).sum() / judged.sum().clamp(min=1)
    log_dice = dice(probability * judged, members * judged).log()
    return recipe.bce_share * mean_bce - (1 - recipe.bce_share) * log_dice.mean()


def upsample(logits: Tensor, size: torch.Size) -> Tensor:
    """Post-processing's own upsampling: bilinear, half-pixel centres."""
    return F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=False)


def border_weights(members: Tensor, recipe: Recipe, *, inner_only: bool) -> Tensor:
    """(N, 1, H, W): 1, and 1 + border weight within the border band of members or class indices."""
    band = border(members, width=recipe.border_width, inner_only=inner_only)
    return 1 + recipe.border_weight * band.float()


def dice(probability: Tensor, members: Tensor) -> Tensor:
    """(N,) soft dice of each image, averaged over the classes.

    V-Net (Milletari et al., 2016) without its squares, as segmentation libraries have it.
    """
    overlap = (probability * members).sum(dim=(2, 3))
    total = probability.sum(dim=(2, 3)) + members.sum(dim=(2, 3))
    return ((2 * overlap + _SMOOTHING) / (total + _SMOOTHING)).mean(dim=1)


def _members(teacher_mask: Tensor, channels: int) -> Tensor:
    """(N, channels, H, W): 1 where a pixel belongs to the channel's class. Pixels nobody judged belong to none."""
    if channels == 1:
        return (teacher_mask == 1).unsqueeze(1).float()
    classes = torch.arange(channels, device=teacher_mask.device).view(1, -1, 1, 1)
    return (teacher_mask.unsqueeze(1) == classes).float()
