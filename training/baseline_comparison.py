"""The recipe's student against the baseline UNet: the same pairs, split, loss, schedule and seed."""

import os
from dataclasses import dataclass

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from training.data.pairs import Pairs
from training.data.split import split
from training.data.views import TrainingView, ValidationView
from training.encoder_weights import load_baseline_encoder_weights, load_encoder_weights, normalisation
from training.fit import run_trainer
from training.loop.arithmetic import choose_arithmetic
from training.loop.module import StudentModule
from training.loop.processes import processes
from training.recipe import Recipe
from training.student.baseline import baseline_unet
from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.network import Student


@dataclass(frozen=True, slots=True)
class Comparison:
    """Validation IoU of the best epoch of each."""

    student: float
    usual: float

    def __str__(self) -> str:
        """Three lines."""
        return (
            f"validation IoU {self.student:.4f}  student\n"
            f'validation IoU {self.usual:.4f}  smp.Unet("mobilenet_v2")\n'
            f"difference     {self.student - self.usual:+.4f}"
        )


def compare_with_baseline(recipe: Recipe, data: Pairs) -> Comparison:
    """Train both networks, one after the other.

    Both encoders start from the same weights, or both from scratch.

    Raises:
        BadInput: The recipe has minutes, in which they would learn for unequal numbers of epochs.
    """
    if recipe.minutes is not None:
        raise BadInput("both networks learn for as many epochs; use epochs= instead of minutes=")
    sides = split(data.pairs, validation=recipe.validation, seed=recipe.seed, test=recipe.test)
    contract = recipe.contract(data.classes)
    whole = Contract(contract.height, contract.width, 1, contract.classes)
    training = TrainingView(sides.train, len(data.classes), recipe)
    validation = ValidationView(sides.validation, contract)

    def best(network: nn.Module, its_contract: Contract) -> float:
        module = StudentModule(network, recipe, its_contract, validation.teacher_masks)
        watch = BestIoU()
        arithmetic = choose_arithmetic(network, recipe, processes(recipe, os.environ)).arithmetic
        run_trainer(module, training, validation, arithmetic, [watch])
        return watch.iou

    mean, std = normalisation(recipe)
    torch.manual_seed(recipe.seed)
    student = Student(contract, recipe.architecture(mean, std))
    load_encoder_weights(student, recipe)
    torch.manual_seed(recipe.seed)
    usual = baseline_unet(whole, mean, std).train()
    load_baseline_encoder_weights(usual, recipe)
    return Comparison(student=best(student, contract), usual=best(usual, whole))


class BestIoU(Callback):
    """Remembers the highest validation IoU."""

    iou = 0.0

    def on_validation_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """After each validation."""
        self.iou = max(self.iou, float(trainer.callback_metrics["iou"]))
