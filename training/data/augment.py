"""Augmentation: place, size, aspect ratio, resizer, light, blur, noise and JPEG, as on a phone."""

import os

import cv2
import numpy as np
from numpy.typing import NDArray

from training.recipe import Recipe

# albumentations asks the network for a newer version of itself when it is imported.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A

# Whatever a phone resizes with, the student should not care.
_KERNELS = (cv2.INTER_NEAREST_EXACT, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)


class Augmentation:
    """Moves photo and teacher mask together; the same seed gives the same result."""

    def __init__(self, recipe: Recipe, scale: float = 1.0) -> None:
        """Build the pipeline of a recipe, for inputs of that share of its sides, as nearly as its encoder can halve."""
        size = input_size(recipe, scale)
        turns = A.D4() if recipe.turn == "any" else A.HorizontalFlip()
        # Rows and columns are scaled apart, since photos of every aspect are stretched to the input.
        place = A.Affine(
            scale=recipe.zoom,
            keep_ratio=False,
            rotate=(-15, 15),
            shear=(-8, 8),
            translate_percent=(-0.15, 0.15),
            border_mode=cv2.BORDER_REFLECT_101,
            p=0.9,
        )
        # The other nearest kernel shifts a mask by up to half a pixel against its photo.
        resizers = [
            A.Resize(*size, interpolation=kernel, mask_interpolation=cv2.INTER_NEAREST_EXACT) for kernel in _KERNELS
        ]
        around_one = (1 - recipe.colour, 1 + recipe.colour)
        light = [
            A.RandomGamma(gamma_limit=(100 - 80 * recipe.colour, 100 + 160 * recipe.colour), p=0.5),
            A.ColorJitter(
                brightness=around_one,
                contrast=around_one,
                saturation=around_one,
                hue=(-0.1 * recipe.colour, 0.1 * recipe.colour),
                p=0.8,
            ),
            A.ToGray(p=0.1 * recipe.colour),
        ]
        flaws = [
            A.GaussianBlur(blur_limit=0, sigma_limit=(0.4, 1.6), p=recipe.degrade),
            A.GaussNoise(std_range=(0.01, 0.06), noise_scale_factor=0.5, p=recipe.degrade),
            A.ImageCompression(quality_range=(40, 95), p=recipe.degrade),
        ]
        self._pipeline = A.Compose([turns, place, A.OneOf(resizers, p=1.0), *light, *flaws])

    def __call__(
        self, photo: NDArray[np.uint8], teacher_mask: NDArray[np.uint8], seed: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """(H, W, 3) and (H, W), of one size, to the input's."""
        self._pipeline.set_random_seed(seed)
        result = self._pipeline(image=photo, mask=teacher_mask)
        return result["image"], result["mask"]


def input_size(recipe: Recipe, scale: float) -> tuple[int, int]:
    """Rows and columns of inputs of that share of the recipe's sides, as nearly as its encoder can halve."""
    step = 2**recipe.depth
    rows, columns = (max(1, round(side * scale / step)) * step for side in (recipe.height, recipe.width))
    return rows, columns


def stored_size(recipe: Recipe) -> tuple[int, int]:
    """Rows and columns at which photos are kept decoded: a little above the input, for zooming in."""
    return recipe.height * 5 // 4, recipe.width * 5 // 4
