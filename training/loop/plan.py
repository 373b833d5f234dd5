"""The plan of a training that is given minutes: how many epochs, and how large the inputs of each.

The schedule of the learning rate counts steps. So a plan, once begun, keeps its epochs, and what makes up for a pace
that was not expected is the size of the inputs that are still to come.
"""

from collections.abc import Callable
from dataclasses import dataclass

from training.data.augment import input_size
from training.recipe import Recipe
from training.student.errors import BadInput

SCALES = (0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
"""Shares of the input's sides that a plan chooses from; the first only where a machine turns out slower."""

_LEAST = 0.5
"""The share that a plan begins with."""

_SLOPE = 1.5
"""How far a plan would have inputs grow by its end: a little beyond their full size, which several epochs then have.

So it can be half as slow again or twice as fast as foreseen, and other sizes make up for it.
"""

_POWER = 3
"""How late inputs grow: with this power of the share of the epochs that are done.

Many small epochs and a few large ones teach more than growth in a straight line does in the same time
(docs/experiments.md, "Thirteen small epochs or nine middling ones").
"""

_TOLERANCE = 0.1
"""Share of the time by which a plan may end late, where nothing shorter can be planned."""

_MOST_EPOCHS = 10_000


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that training takes on this machine."""

    photo: float
    """To learn from a photo, whatever its size."""
    pixel: float
    """Beside that, for each pixel of its input."""
    validation: float
    """Between two epochs: to validate, and to write what is kept."""

    def learning(self, recipe: Recipe, scale: float, photos: int) -> float:
        """Seconds to learn from so many photos at that share of the input's sides."""
        rows, columns = input_size(recipe, scale)
        return photos * (self.photo + self.pixel * rows * columns)

    def forecast(self, recipe: Recipe, photos: int, done: int = 0) -> float:
        """Seconds of the recipe's epochs, of so many photos each, after those that are done."""
        seconds = {scale: self.learning(recipe, scale, photos) + self.validation for scale in set(recipe.scales)}
        return sum(seconds[recipe.scale(epoch)] for epoch in range(done, recipe.epochs))


def plan(recipe: Recipe, photos: int, pace: Pace, seconds: float) -> Recipe:
    """The recipe with as many epochs as the time allows while their inputs grow from half of their sides to full size.

    Args:
        recipe: Its epochs and scales do not count.
        photos: Of an epoch.
        pace: As measured.
        seconds: Left for the epochs.

    Raises:
        BadInput: They do not suffice for one epoch.
    """
    one = pace.forecast(with_scales(recipe, (1.0,)), photos)
    if one > seconds + _TOLERANCE * 60 * (recipe.minutes or 0):
        least = (60 * (recipe.minutes or 0) - seconds + one) / 60
        raise BadInput(
            f"minutes={recipe.minutes:g} is too short: one epoch of {photos} photos takes {duration(one)} here; "
            f"use minutes={max(1, round(least + 0.5))} or more, or a smaller photos_per_epoch (now "
            f"{recipe.photos_per_epoch})"
        )

    def fits(epochs: int) -> bool:
        return pace.forecast(with_scales(recipe, _growing(epochs, _SLOPE)), photos) <= seconds

    epochs = max(1, _most(fits, _MOST_EPOCHS))
    # One more with smaller inputs may fill the time better, where epochs are few.
    plans = [resize(with_scales(recipe, (1.0,) * count), photos, pace, seconds) for count in (epochs, epochs + 1)]
    fitting = [one for one in plans if pace.forecast(one, photos) <= seconds]
    return max(fitting, key=lambda one: pace.forecast(one, photos), default=plans[0])


def resize(recipe: Recipe, photos: int, pace: Pace, seconds: float, done: int = 0) -> Recipe:
    """The recipe with the largest inputs that the time allows in the epochs that are not done; the last is at 1.

    Args:
        recipe: Its epochs, and the scales of those that are done, stay.
        photos: Of an epoch.
        pace: As measured.
        seconds: Left for the other epochs.
        done: How many are done.
    """
    past = tuple(recipe.scale(epoch) for epoch in range(done))

    # Beyond this slope even the first epoch is at full size; as far below 0 all are smaller than a plan begins with.
    steepest = 100 * recipe.epochs**_POWER

    def with_slope(step: int) -> Recipe:
        return with_scales(recipe, past + _growing(recipe.epochs, (step - steepest) / 100)[done:])

    def fits(step: int) -> bool:
        return pace.forecast(with_slope(step), photos, done) <= seconds

    return with_slope(_most(fits, 2 * steepest))


def with_scales(recipe: Recipe, scales: tuple[float, ...]) -> Recipe:
    """The recipe with an epoch of each scale."""
    return recipe.model_copy(update={"epochs": len(scales), "scales": scales})


def duration(seconds: float) -> str:
    """In words."""
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{max(1, round(seconds))} s"


def _growing(epochs: int, slope: float) -> tuple[float, ...]:
    """The scale of each epoch, from `_LEAST` towards 1, or below it, and 1 in the last whatever the slope."""
    shares = (slope * (epoch / epochs) ** _POWER for epoch in range(1, epochs))
    return (*(_nearest(_LEAST + (1 - _LEAST) * share) for share in shares), 1.0)


def _nearest(wanted: float) -> float:
    return min(SCALES, key=lambda scale: abs(scale - wanted))


def _most(fits: Callable[[int], bool], limit: int) -> int:
    """The largest number up to a limit that fits, if all smaller ones do; 0 if none does."""
    low, high = 0, limit + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
