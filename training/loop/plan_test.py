import itertools

import pytest

from training.loop.plan import SCALES, Pace, plan, resize
from training.recipe import read_recipe
from training.student.errors import BadInput

PHOTOS = 765


def recipe(minutes=10):
    return read_recipe("mobile", [f"minutes={minutes}"])


def pace(photos_per_second, validation=5.0):
    """Of inputs of 256 × 256: a tenth of the time goes by the photo, the rest by its pixels."""
    return Pace(0.1 / photos_per_second, 0.9 / photos_per_second / 256**2, validation)


@pytest.mark.parametrize("speed", [2, 3, 4, 6.6, 8, 25, 100, 1000])
@pytest.mark.parametrize("minutes", [10, 33])
def test_a_plan_fills_its_time_with_growing_inputs_and_ends_at_full_size(speed, minutes):
    planned = plan(recipe(minutes), PHOTOS, pace(speed), 60 * minutes - 20)

    seconds = pace(speed).forecast(planned, PHOTOS)
    assert seconds <= 60 * minutes - 20
    assert seconds > 0.9 * (60 * minutes - 20)
    assert planned.epochs == len(planned.scales)
    assert list(planned.scales) == sorted(planned.scales)
    assert planned.scales[-1] == 1
    assert set(planned.scales) <= set(SCALES)


def test_the_faster_the_machine_the_more_epochs():
    counts = [plan(recipe(), PHOTOS, pace(speed), 580).epochs for speed in (4, 8, 16, 32)]

    assert all(more >= 1.5 * fewer for fewer, more in itertools.pairwise(counts))


def test_validation_counts_too():
    quick, slow = (plan(recipe(), PHOTOS, pace(8, validation), 580) for validation in (1, 60))

    assert slow.epochs < quick.epochs
    assert pace(8, 60).forecast(slow, PHOTOS) <= 580


def test_a_plan_is_a_recipe_whose_options_say_all_of_it():
    planned = plan(recipe(), PHOTOS, pace(8), 580)

    typed = read_recipe("mobile", [f"epochs={planned.epochs}", f"scales={list(planned.scales)}"])

    assert typed == planned.model_copy(update={"minutes": None})
    assert [typed.scale(epoch) for epoch in range(typed.epochs)] == list(planned.scales)


def test_a_single_epoch_is_planned_where_no_more_fit_and_may_be_a_little_late():
    for seconds in (100, 97):
        assert plan(recipe(2), PHOTOS, Pace(0.1, 0, 23.5), seconds).scales == (1.0,)


def test_too_few_minutes_for_one_epoch_are_refused_with_what_suffices():
    one = pace(1)
    with pytest.raises(BadInput, match=r"minutes=10 is too short: one epoch of 765 photos takes 12.8 min here"):
        plan(recipe(), PHOTOS, one, 580)

    assert "minutes=14 or more" in _refusal(recipe(), one, 580)
    assert plan(recipe(14), PHOTOS, one, 14 * 60 - 20).epochs == 1


def _refusal(asked, measured, seconds):
    with pytest.raises(BadInput) as refusal:
        plan(asked, PHOTOS, measured, seconds)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.0, 1.2, 1.5])
@pytest.mark.parametrize("speed", [8, 25, 100])
def test_other_sizes_make_up_for_another_pace_and_what_is_done_stays(factor, speed):
    planned = plan(recipe(), PHOTOS, pace(speed), 580)
    done = 1
    spent = pace(speed).forecast(planned, PHOTOS) - pace(speed).forecast(planned, PHOTOS, done)
    real = Pace(pace(speed).photo * factor, pace(speed).pixel * factor, 5 * factor)

    resized = resize(planned, PHOTOS, real, 580 - spent, done)

    assert resized.epochs == planned.epochs
    assert resized.scales[:done] == planned.scales[:done]
    assert resized.scales[-1] == 1
    assert spent + real.forecast(resized, PHOTOS, done) == pytest.approx(600, rel=0.1)


def test_what_cannot_be_made_up_for_is_learnt_as_small_or_as_large_as_can_be():
    planned = plan(recipe(), PHOTOS, pace(8), 580)

    assert resize(planned, PHOTOS, pace(8), 1, 2).scales[2:] == (*[SCALES[0]] * (planned.epochs - 3), 1.0)
    assert set(resize(planned, PHOTOS, pace(8), 1e6, 2).scales[2:]) == {1.0}


def test_thousands_of_epochs_are_planned_at_once():
    planned = plan(recipe(6000), 8, Pace(0.001, 0, 0.5), 360_000)

    assert planned.epochs >= 10_000
