"""The student in training as a LightningModule: training step, validation step, optimiser and schedule."""

from collections.abc import Sequence
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.evaluation.mean_iou import MeanIoU
from training.loop.ema import exponential_moving_average
from training.loop.non_finite_loss import explain_loss
from training.loop.parameter_groups import parameter_groups, pretrained_encoder
from training.loss import border_bce_dice
from training.recipe import Recipe
from training.student.contract import Contract


class StudentModule(L.LightningModule):
    """Trains a network by a recipe; validates after post-processing, at each photo's own size."""

    class_weights: Tensor | None
    memory_order: torch.memory_format = torch.contiguous_format
    """Of the network's input; the arithmetic says it."""

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        contract: Contract,
        teacher_masks: Sequence[NDArray[np.uint8]],
        class_weights: Tensor | None = None,
    ) -> None:
        """Train `network`, (N, 3, H, W) raw RGB to logits.

        Args:
            network: A student, or another network that keeps the contract.
            recipe: Its options.
            contract: How logits become masks.
            teacher_masks: Of the validation pairs, by their index.
            class_weights: As `border_bce_dice` takes them.
        """
        super().__init__()
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.network = network
        self.recipe = recipe
        self.contract = contract
        self._teacher_masks = teacher_masks
        self._mean_iou = MeanIoU(contract)
        self._average = exponential_moving_average(network, recipe.ema_decay) if recipe.ema_decay else None

    @property
    def validated_network(self) -> nn.Module:
        """What is validated and saved: the network, or with `ema_decay` the average of its weights."""
        average: nn.Module | None = self._average and self._average.module
        return average or self.network

    def scale(self, epoch: int) -> float:
        """The share of the input's sides that an epoch is learnt at, as its recipe says by then."""
        return self.recipe.scale(epoch)

    def on_train_epoch_start(self) -> None:
        """Freeze or unfreeze an encoder with weights."""
        encoder = pretrained_encoder(self.network, self.recipe)
        if encoder is not None:
            learns = self.current_epoch >= self.recipe.freeze
            encoder.requires_grad_(learns).train(learns)

    def on_train_batch_end(self, *_: Any) -> None:
        """Update the average of the weights."""
        if self._average is not None:
            self._average.update_parameters(self.network)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """The loss of (N, 3, H, W) uint8 inputs and (N, H, W) uint8 teacher masks."""
        photos, teacher_masks = batch
        logits = self.network(self._input(photos))
        loss = border_bce_dice(logits, teacher_masks, self.recipe, self.class_weights)
        if not torch.isfinite(loss):
            when = f"epoch {self.current_epoch + 1}, step {self.trainer.global_step + 1}"
            rate = max(group["lr"] for group in self.trainer.optimizers[0].param_groups)
            raise explain_loss(loss, logits, self.network, self.recipe, when=when, rate=rate)
        self.log("loss", loss, on_step=True, on_epoch=True, sync_dist=True, batch_size=len(photos))
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Masks of (N, 3, H, W) uint8 inputs, compared with the teacher masks of these indices; gives the logits."""
        photos, indices = batch
        logits: Tensor = self.validated_network(self._input(photos)).float().cpu()
        for one, index in zip(logits.numpy(), indices.tolist(), strict=True):
            self._mean_iou.add(str(index), one, self._teacher_masks[index])
        return logits

    def on_validation_epoch_end(self) -> None:
        """Mean IoU: over photos for a binary student, over classes otherwise."""
        if self.trainer.world_size > 1:
            shares: list[MeanIoU] = [self._mean_iou] * self.trainer.world_size
            torch.distributed.all_gather_object(shares, self._mean_iou)
            self._mean_iou = MeanIoU(self.contract)
            for share in shares:
                self._mean_iou.merge(share)
        self.log("iou", self._mean_iou.compute().mean, sync_dist=True)
        self._mean_iou = MeanIoU(self.contract)

    def configure_optimizers(self) -> Any:
        """AdamW on a one-cycle schedule."""
        given = parameter_groups(self.network, self.recipe)
        # A fused optimiser would unscale fp16's gradients only after they are clipped.
        is_fused = not (self.recipe.gradient_clip and self.trainer.precision == "16-mixed")
        optimizer = torch.optim.AdamW(given, fused=is_fused)
        # One more than will be taken: Lightning asks the schedule for a rate after the last step, too.
        steps = int(self.trainer.estimated_stepping_batches) + 1
        peaks = [group["lr"] for group in given]
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peaks, total_steps=steps, pct_start=0.15)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _input(self, photos: Tensor) -> Tensor:
        """Raw RGB as float, in the memory order that convolutions are fastest in."""
        return photos.float().to(memory_format=self.memory_order)
