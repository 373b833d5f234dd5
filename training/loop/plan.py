"""The plan of a training that is given minutes: how many epochs, and how large the inputs of each.

The schedule of the learning rate counts steps. So a plan, once begun, keeps its epochs, and what makes up for a pace
that was not expected is the size of the inputs that are still to come.
"""

from collections.abc import Callable
from dataclasses import dataclass

from training.data.augment import input_size
from training.recipe import Recipe
from training.student.errors import BadInput

SCALES = (0.5, 0.625, 0.75, 0.875, 1.0)
"""Shares of the input's sides that a plan chooses from."""

_SLOPE = 1.0
"""How fast a plan would have inputs grow: from the least to the full size over all epochs, in a straight line.

So it can be half as slow again or a third faster than foreseen, and other sizes make up for it.
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

    def with_slope(step: int) -> Recipe:
        return with_scales(recipe, past + _growing(recipe.epochs, step / 100)[done:])

    def fits(step: int) -> bool:
        return pace.forecast(with_slope(step), photos, done) <= seconds

    # Beyond this slope even the first epoch is at full size.
    return with_slope(_most(fits, 100 * recipe.epochs))


def with_scales(recipe: Recipe, scales: tuple[float, ...]) -> Recipe:
    """The recipe with an epoch of each scale."""
    return recipe.model_copy(update={"epochs": len(scales), "scales": scales})


def duration(seconds: float) -> str:
    """In words."""
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{max(1, round(seconds))} s"


def _growing(epochs: int, slope: float) -> tuple[float, ...]:
    """The scale of each epoch, in a straight line from the least to 1, and 1 in the last whatever the slope."""
    least, step = SCALES[0], SCALES[1] - SCALES[0]
    shares = [min(1.0, slope * epoch / epochs) for epoch in range(1, epochs)]
    return (*(SCALES[round((1 - least) * share / step)] for share in shares), 1.0)


def _most(fits: Callable[[int], bool], limit: int) -> int:
    """The largest number up to a limit that fits, if all smaller ones do; 0 if none does."""
    low, high = 0, limit + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
