"""Negative controls: the ways in which a deployed model is commonly wrong. The gate must see each of them.

A control wraps a good runner so that it makes the mistake. Mistakes are made at the input, where apps make them;
`perturbed` in parity_tests makes one inside a file.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from conversion.gate.predictions import Prediction
from conversion.runtimes.runner import Runner

Image = NDArray[np.uint8]


def mirrored(image: Image) -> Image:
    """A front camera's picture, not turned back."""
    return image[:, ::-1]


def bgr(image: Image) -> Image:
    """The byte order of OpenCV and of many camera buffers."""
    return image[:, :, ::-1]


def normalised_twice(image: Image) -> Image:
    """Scaled to [0, 1] by the app although the graph does so itself."""
    return (image > 127).astype(np.uint8)


def half_pixel_shifted(image: Image) -> Image:
    """Resized with corners in place of centres: everything lies half a pixel further down and right."""
    after = np.pad(image, ((1, 0), (1, 0), (0, 0)), mode="edge").astype(np.float32)
    average: Image = ((after[1:, 1:] + after[:-1, 1:] + after[1:, :-1] + after[:-1, :-1]) / 4).astype(np.uint8)
    return average


def _at_input(mistake: Callable[[Image], Image]) -> Callable[[Runner], Runner]:
    return lambda runner: lambda image: runner(np.ascontiguousarray(mistake(image)))


CONTROLS: Mapping[str, Callable[[Runner], Runner]] = MappingProxyType(
    {mistake.__name__: _at_input(mistake) for mistake in (mirrored, bgr, normalised_twice, half_pixel_shifted)}
)


def find_resembled_mistakes(
    *, reference: Sequence[Prediction], candidate: Sequence[Prediction], mistakes: Mapping[str, Sequence[Prediction]]
) -> list[str]:
    """The mistakes whose logits a candidate is nearer to than to those of its reference.

    A budget for few bits allows more than some mistakes cost: students of people hardly mind BGR. This needs none.
    """
    own = _distance(reference, candidate)
    nearer = [name for name, views in mistakes.items() if not own <= _distance(views, candidate)]
    return [f"nearer to its reference's logits of {name.replace('_', ' ')} photos" for name in nearer]


def _distance(one: Sequence[Prediction], other: Sequence[Prediction]) -> float:
    return float(np.mean([np.square(a.logits - b.logits).mean() for a, b in zip(one, other, strict=True)]))
