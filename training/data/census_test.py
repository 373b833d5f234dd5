import numpy as np
import pytest

from training.data.census import Census
from training.student.errors import BadInput

STREET = ("sky", "road", "pole")


def census(*counts, classes=STREET):
    return Census(classes, {str(number): np.array(each) for number, each in enumerate(counts)})


def remarks(found, *validation):
    validation = validation or ("1",)
    return found.remarks(train=found.counts.keys() - set(validation), validation=validation)


def test_balanced_masks_deserve_no_remark():
    assert remarks(census((50, 40, 10), (40, 50, 10))) == []


def test_a_class_of_few_pixels_or_photos_is_called_unbalanced():
    few_pixels = census((600, 399, 1), (500, 499, 1))
    few_photos = census(*[(50, 50, 0)] * 199, (20, 30, 950))

    (pixels,), (photos, *_) = remarks(few_pixels), remarks(few_photos, "198", "199")

    assert pixels == "unbalanced classes: pole is in 100.0% of the photos and 0.10% of the pixels"
    assert photos == "unbalanced classes: pole is in 0.5% of the photos and 4.55% of the pixels"


def test_a_class_that_never_occurs_is_named_once():
    (found,) = remarks(census((50, 50, 0), (50, 50, 0)))

    assert found.startswith("no mask shows pole: the student will never say it")


@pytest.mark.parametrize(
    ("validation", "message"), [("0", "no mask to validate with shows pole"), ("1", "no mask to learn from shows pole")]
)
def test_a_half_in_which_a_class_is_missing_is_told(validation, message):
    (found,) = remarks(census((50, 50, 0), (50, 40, 10)), validation)

    assert found.startswith(message)


def test_masks_that_nobody_judged_are_counted_and_named():
    found = remarks(census((50, 40, 10), (50, 40, 10), *[(0, 0, 0)] * 4))

    assert found == ["4 of 6 masks are ignored altogether (2, 3, 4, …)"]


def test_a_rare_foreground_is_unbalanced_too():
    (found,) = remarks(census((999, 1), (999, 2), classes=("ring",)))

    assert found == "unbalanced classes: ring is in 100.0% of the photos and 0.15% of the pixels"


@pytest.mark.parametrize(
    ("counts", "classes", "message"),
    [
        ((0, 9, 0), STREET, r"the 1 masks in masks show only class 1 \(road\); nothing"),
        ((0, 0, 0), STREET, r"show nothing but pixels to ignore \(255\); nothing"),
        ((9, 0), ("ring",), "show no foreground at all; nothing"),
        ((0, 9), ("ring",), "show only foreground; nothing"),
    ],
)
def test_masks_without_a_difference_teach_nothing(counts, classes, message):
    with pytest.raises(BadInput, match=message):
        census(counts, classes=classes).refuse_sameness("masks")
