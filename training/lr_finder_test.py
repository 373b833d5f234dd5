import math

import pytest
from PIL import Image

from training.lr_finder import HIGHEST_RATE, LOWEST_RATE, RateSweep, find_learning_rate
from training.student.errors import BadInput

RATES = tuple(LOWEST_RATE * (HIGHEST_RATE / LOWEST_RATE) ** (step / 199) for step in range(200))


def falling_at(rate):
    """A loss that falls around one rate, within a decade, and rises from a tenth on."""
    return RateSweep(
        RATES,
        tuple(2 - math.tanh(2 * math.log10(one / rate)) + 50 * max(0, math.log10(one / 0.1)) for one in RATES),
    )


@pytest.mark.parametrize("rate", [1e-4, 1e-3, 5e-3])
def test_the_rate_at_which_the_loss_falls_fastest_is_suggested_if_a_little_late_by_smoothing(rate):
    assert rate <= falling_at(rate).suggested <= 3 * rate


def test_a_loss_that_never_falls_is_no_suggestion():
    with pytest.raises(BadInput, match="the loss falls at no rate from 1e-06 to 1; look at photos and masks"):
        _ = RateSweep(RATES, tuple(float(step) for step in range(200))).suggested


def test_a_sweep_of_a_student_suggests_and_draws_and_leaves_nothing_else(discs, tiny_recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    found = find_learning_rate(tiny_recipe("photos_per_epoch=40"), discs, steps=40)
    found.draw(tmp_path / "rate.png")

    assert 1e-5 < found.suggested < 1
    assert [path.name for path in tmp_path.iterdir()] == ["rate.png"]
    with Image.open("rate.png") as picture:
        assert picture.format == "PNG"


def test_a_sweep_repeats_itself(discs, tiny_recipe):
    one, other = (find_learning_rate(tiny_recipe(), discs, steps=20) for _ in range(2))

    assert one == other
