from pathlib import Path

import cv2
import numpy as np
import pytest

from training import options
from training.data.pairs import read_pairs
from training.data.photos import read_mask, read_photo
from training.student.errors import BadInput
from training.student.metrics import foreground_iou
from training.teacher.classical import Options
from training.teacher.phrases import parse_phrases
from training.teacher.teachers import TEACHERS
from training.teacher.tuning import Choice, search_space

COINS = Path(__file__).resolve().parents[3] / "shared" / "data" / "coins"
ROWS, COLUMNS = 310, 451
GROUND, THING = (90, 110, 100), (200, 190, 60)


def teacher(**options):
    return TEACHERS["classical"].build(Options(**options), parse_phrases(["coin"]))


def drawn(*discs, ground=GROUND, thing=THING, size=(ROWS, COLUMNS)):
    """A photo with a little noise, of discs (x, y, radius), and their mask."""
    mask = np.zeros(size, np.uint8)
    for x, y, radius in discs:
        cv2.circle(mask, (x, y), radius, 1, cv2.FILLED)
    clean = np.where(mask[..., None] > 0, thing, ground)
    noise = np.random.default_rng(0).normal(0, 3, clean.shape)
    return np.clip(clean + noise, 0, 255).astype(np.uint8), mask


def decided(photo, **options):
    one = teacher(**options)
    return one.decide(one.look([photo])[0])


@pytest.mark.parametrize(
    "options",
    [
        {},
        *({"evidence": evidence} for evidence in ("edges", "either", "both")),
        {"shape": "ellipse"},
        {"even": 0.5, "clahe": 2.0, "sharpen": 1.0, "side": 300},
    ],
    ids=str,
)
def test_a_thing_on_a_plain_ground_is_found_to_the_pixel_or_so(options):
    photo, mask = drawn((120, 140, 52), (330, 200, 38))

    found = decided(photo, **options)

    assert foreground_iou(reference=mask, candidate=found.mask) > 0.95
    boxes = sorted(instance.box for instance in found.instances)
    assert np.allclose(boxes, [(68, 88, 173, 193), (292, 162, 369, 239)], atol=3)
    assert found.score > 0.9


@pytest.mark.parametrize("shape", ["any", "ellipse"])
def test_a_thing_as_bright_as_its_ground_is_found_by_its_colour(shape):
    photo, mask = drawn((200, 150, 60), ground=(150, 90, 60), thing=(70, 122, 90))
    assert np.ptp(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[::4, ::4].astype(float)) < 40

    assert foreground_iou(reference=mask, candidate=decided(photo, shape=shape).mask) > 0.93


@pytest.mark.parametrize("options", [{}, {"shape": "ellipse"}], ids=str)
def test_a_bare_ground_shows_nothing(options):
    light = np.linspace(0.6, 1, COLUMNS)[None, :, None]
    photo, _ = drawn()

    found = decided((photo * light).astype(np.uint8), **options)

    assert not found.mask.any()
    assert (found.instances, found.score) == ((), None)


def test_the_inside_of_a_ring_is_not_ring_and_a_pinhole_is_no_hole():
    photo, ring = drawn((220, 150, 90))
    for radius, x in ((55, 220), (2, 148)):
        hole = drawn((x, 150, radius))[1] > 0
        photo[hole] = GROUND
        ring[hole] = radius < 3

    found = decided(photo)

    assert foreground_iou(reference=ring, candidate=found.mask) > 0.93
    assert not found.mask[150, 220]
    assert found.mask[150, 148]


def test_discs_that_touch_come_apart_and_enclose_no_ground():
    discs = [(150, 110, 50), (250, 110, 50), (200, 197, 50)]
    photo, mask = drawn(*discs)

    found = decided(photo, shape="ellipse")

    assert len(found.instances) == 3
    assert foreground_iou(reference=mask, candidate=found.mask) > 0.95
    assert not found.mask[139, 200]


def test_a_square_is_no_disc():
    photo, _ = drawn((100, 160, 50))
    photo[60:260, 230:430] = THING

    found = decided(photo, shape="ellipse", support=0.8)

    assert len(found.instances) == 1
    assert found.mask[160, 100]
    assert not found.mask[62, 232]


def test_what_the_frame_cuts_off_is_kept_and_what_lines_it_is_not():
    photo, mask = drawn((60, 0, 50), (250, 150, 60))
    photo[-25:] = THING

    found = decided(photo)

    assert foreground_iou(reference=mask, candidate=found.mask) > 0.93
    assert len(found.instances) == 2


def test_specks_and_whiskers_go():
    photo, mask = drawn((220, 150, 60))
    photo[40:44, 40:44] = THING
    photo[149:152, 270:440] = THING

    assert foreground_iou(reference=mask, candidate=decided(photo, open=9).mask) > 0.95


@pytest.mark.parametrize("shape", ["any", "ellipse"])
def test_a_batch_finds_what_each_photo_does_alone(shape):
    photos = [drawn((150, 140, 52))[0], drawn((90, 90, 30), size=(200, 180))[0]]
    one = teacher(shape=shape)

    together, alone = one.look(photos), [one.look([photo])[0] for photo in photos]

    for batched, single in zip(together, alone, strict=True):
        assert batched.size == single.size
        assert batched.arrays.keys() == single.arrays.keys()
        assert all(np.array_equal(batched.arrays[key], single.arrays[key]) for key in batched.arrays)


@pytest.mark.parametrize("shape", ["any", "ellipse"])
def test_options_that_only_decide_leave_findings_as_they_are(shape):
    photo, _ = drawn((150, 140, 52), (60, 60, 20))
    low, high = (
        {name: getattr(search_space(Options)[name], end) for name in Options.decide_only} for end in ("low", "high")
    )

    one, other = (
        teacher(shape=shape, **{key: type(getattr(Options(), key))(value) for key, value in options.items()})
        for options in (low, high)
    )

    first, second = one.look([photo])[0], other.look([photo])[0]
    assert all(np.array_equal(first.arrays[key], second.arrays[key]) for key in first.arrays)
    assert not np.array_equal(one.decide(first).mask, other.decide(second).mask)


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (2, 3), (20, 3000)])
@pytest.mark.parametrize("options", [{"evidence": "either"}, {"shape": "ellipse"}], ids=str)
def test_a_photo_of_any_size_has_a_mask_of_that_size(size, options):
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)

    found = decided(photo, even=1.0, clahe=2.0, sharpen=1.0, close=3, **options)

    assert found.mask.shape == size
    assert found.mask.dtype == np.uint8
    assert set(np.unique(found.mask)) <= {0, 1}


def test_several_phrases_and_weights_are_refused():
    with pytest.raises(BadInput, match="cannot tell 2 apart"):
        TEACHERS["classical"].build(Options(), parse_phrases(["coin", "note"]))
    with pytest.raises(BadInput, match=r"has no weights, found \./here"):
        TEACHERS["classical"].build(Options(), parse_phrases(["coin"]), weights="./here")


def test_every_range_lies_within_what_its_option_takes():
    for name, span in search_space(Options).items():
        for value in span.values if isinstance(span, Choice) else (span.low, span.high):
            Options(**{name: value})
    assert Options.decide_only <= search_space(Options).keys()


@pytest.mark.skipif(not COINS.is_dir(), reason=f"real photos are not at {COINS}")
@pytest.mark.parametrize(("shape", "least"), [("any", 0.85), ("ellipse", 0.87)])
def test_real_coins_are_found_untuned(shape, least):
    one, found = teacher(shape=shape), []
    for pair in read_pairs(COINS).pairs[::2]:
        photo = read_photo(pair.photo)
        reference = read_mask(pair.mask, size=photo.shape[:2], classes=1)
        found.append(foreground_iou(reference=reference, candidate=one.decide(one.look([photo])[0]).mask))

    assert np.mean(found) >= least


def test_the_settings_for_coins_fit_the_options_and_find_coins_that_touch():
    path = Path(__file__).with_name("settings") / "coins.yaml"
    one = TEACHERS["classical"].build(options.read(Options, "classical", path), parse_phrases(["coin"]))
    photo, mask = drawn((150, 110, 50), (250, 110, 50), (330, 220, 24))

    found = one.decide(one.look([photo])[0])

    assert len(found.instances) == 3
    assert foreground_iou(reference=mask, candidate=found.mask) > 0.95
