import numpy as np
import torch

from training.class_weights import class_weights
from training.data.census import Census

CENSUS = Census(
    ("sky", "road", "pole", "ghost"),
    {"a": np.array([600, 300, 50, 0]), "b": np.array([0, 0, 50, 0]), "not learnt from": np.array([0, 0, 900, 0])},
)


def test_without_strength_all_classes_are_alike():
    assert class_weights(CENSUS, ["a", "b"], 0.0).tolist() == [1, 1, 1, 1]


def test_at_full_strength_each_class_has_the_same_say_and_an_average_pixel_counts_one():
    weights = class_weights(CENSUS, ["a", "b"], 1.0)
    counts = torch.tensor([600.0, 300.0, 100.0])

    torch.testing.assert_close(weights[:3] * counts, torch.full((3,), 1000 / 3))
    assert weights[3] == weights[2]


def test_half_the_strength_lies_between():
    none, half, full = (class_weights(CENSUS, ["a", "b"], strength) for strength in (0.0, 0.5, 1.0))

    assert full[0] < half[0] < none[0]
    assert none[2] < half[2] < full[2]
