"""Negative controls: common mistakes of apps. The gate must notice each of them, or it proves nothing.

A control wraps a correct runner so that it makes the mistake at its input, where apps make it. parity_tests also makes
mistakes inside files.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from conversion.gate.predictions import Prediction
from conversion.runtimes.runner import Runner
from training.student.arrays import Pixels


def mirrored(image: Pixels) -> Pixels:
    """A front camera's mirrored picture, not mirrored back."""
    return image[:, ::-1]


def bgr(image: Pixels) -> Pixels:
    """Blue first: the channel order of OpenCV and of many camera buffers."""
    return image[:, :, ::-1]


def normalised_twice(image: Pixels) -> Pixels:
    """Scaled to [0, 1] by the app, although the graph does this itself."""
    return (image > 127).astype(np.uint8)


def half_pixel_shifted(image: Pixels) -> Pixels:
    """Resized with aligned corners instead of pixel centres: all lies half a pixel further down and right."""
    after = np.pad(image, ((1, 0), (1, 0), (0, 0)), mode="edge").astype(np.float32)
    average: Pixels = ((after[1:, 1:] + after[:-1, 1:] + after[1:, :-1] + after[:-1, :-1]) / 4).astype(np.uint8)
    return average


def _at_input(mistake: Callable[[Pixels], Pixels]) -> Callable[[Runner], Runner]:
    return lambda runner: lambda image: runner(np.ascontiguousarray(mistake(image)))


CONTROLS: Mapping[str, Callable[[Runner], Runner]] = MappingProxyType(
    {mistake.__name__: _at_input(mistake) for mistake in (mirrored, bgr, normalised_twice, half_pixel_shifted)}
)


def find_resembled_mistakes(
    *, reference: Sequence[Prediction], candidate: Sequence[Prediction], mistakes: Mapping[str, Sequence[Prediction]]
) -> list[str]:
    """The mistakes whose logits are nearer to the candidate's than its reference's are.

    A budget for few bits allows more error than some mistakes cause: BGR hardly changes a student of people. This
    check needs no budget.
    """
    own = _distance(reference, candidate)
    nearer = [name for name, mistaken in mistakes.items() if not own <= _distance(mistaken, candidate)]
    return [f"nearer to its reference's logits of {name.replace('_', ' ')} photos" for name in nearer]


def _distance(one: Sequence[Prediction], other: Sequence[Prediction]) -> float:
    return float(np.mean([np.square(a.logits - b.logits).mean() for a, b in zip(one, other, strict=True)]))
