from functools import cache

import numpy as np
import pytest
import torch

from training.student.errors import BadInput
from training.teacher.phrases import parse_phrases
from training.teacher.protocol import Findings
from training.teacher.teachers import TEACHERS

ENTRY = TEACHERS["clipseg"]


@pytest.fixture(scope="module")
def teacher(saved):
    @cache
    def make(phrases=("coin",), arithmetic="fp32"):
        return ENTRY.build(ENTRY.options()(arithmetic=arithmetic), parse_phrases(phrases), saved("clipseg"), "cpu")

    return make


def photo(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (rows, columns, 3), np.uint8)


def decided(given, phrases=("coin",), **options):
    """What the teacher makes of heat maps made by hand, one a text; it needs no network for that."""
    chosen = ENTRY.options()(**({"fragment": 0, "hole": 0} | options))
    teacher = type("Unread", (), {"weights": None})
    from training.teacher.clipseg import ClipSeg

    heat = np.stack(given).astype(np.float16)
    return ClipSeg(chosen, parse_phrases(phrases), teacher).decide(Findings((60, 120), {"heat": heat}))


def cold(*hot, value=4.0):
    """A 30 × 30 map, hot in windows of (top, bottom, left, right)."""
    heat = np.full((30, 30), -4.0)
    for top, bottom, left, right in hot:
        heat[top:bottom, left:right] = value
    return heat


def test_heat_is_what_transformers_own_forward_gives(teacher):
    ours = teacher(("coin", "note=bank note,medal"))
    given = photo(50, 90)

    findings = ours.look([given])[0]

    texts = ["coin", "bank note", "medal"]
    inputs = ours.model.processor(text=texts, images=[given] * 3, padding=True, return_tensors="pt")
    with torch.inference_mode():
        theirs = ours.model.network(**inputs).logits
    assert findings.size == (50, 90)
    np.testing.assert_allclose(findings.arrays["heat"], theirs.numpy(), atol=1e-2)


@pytest.mark.parametrize("phrases", [("coin",), ("coin", "note=bank note,medal")])
def test_a_batch_finds_what_each_photo_finds_alone(teacher, phrases):
    ours = teacher(phrases)
    photos = [photo(50, 90, 0), photo(90, 40, 1), photo(1, 1, 2)]

    for given, findings in zip(photos, ours.look(photos), strict=True):
        alone = ours.look([given])[0]
        assert findings.arrays["heat"].ndim == 3
        np.testing.assert_allclose(findings.arrays["heat"], alone.arrays["heat"], atol=1e-2)
        assert ours.decide(findings).mask.shape == given.shape[:2]


@pytest.mark.parametrize(("colour", "channel"), [((255, 0, 0), 0), ((0, 255, 0), 1), ((0, 0, 255), 2)])
def test_colours_reach_the_network_in_their_own_channel(teacher, colour, channel):
    ours = teacher()
    reached = []
    first = next(one for one in ours.model.network.modules() if isinstance(one, torch.nn.Conv2d))
    handle = first.register_forward_pre_hook(lambda _, inputs: reached.append(inputs[0]))
    ours.look([np.full((40, 20, 3), colour, np.uint8)])
    handle.remove()

    image = ours.model.processor.image_processor
    seen = reached[0][0].permute(1, 2, 0) * torch.tensor(image.image_std) + torch.tensor(image.image_mean)

    torch.testing.assert_close(seen, torch.eye(3)[channel].expand(64, 64, 3), atol=1e-5, rtol=0)


def test_bf16_gives_nearly_the_same_heat(teacher):
    exact, near = (teacher(arithmetic=one).look([photo(50, 90)])[0].arrays["heat"] for one in ("fp32", "bf16"))

    assert exact.dtype == near.dtype == np.float16
    assert np.corrcoef(exact.ravel(), near.ravel())[0, 1] > 0.99


def test_what_is_hot_is_in_the_mask_where_it_is_on_the_photo():
    decision = decided([cold((10, 20, 5, 15), (10, 20, 20, 25))])

    assert decision.mask[20:40, 20:60].all()
    assert decision.mask[20:40, 80:100].all()
    # Upsampled heat passes the threshold a little outside the last hot pixel, a photo's pixel or two from its edge.
    assert not decision.mask[:18].any()
    assert not decision.mask[:, 64:76].any()
    assert [tuple(round(edge / 4) * 4 for edge in one.box) for one in decision.instances] == [
        (20, 20, 60, 40),
        (80, 20, 100, 40),
    ]
    assert all(one.mask_score > 0.8 and one.box_score is None for one in decision.instances)


def test_the_inside_of_a_ring_stays_open():
    ring = cold((5, 25, 5, 25))
    ring[10:20, 10:20] = -4

    decision = decided([ring], hole=0.01, fragment=0.01)

    assert not decision.mask[24:36, 46:74].any()
    assert decision.mask[15, 60]


def test_nothing_hot_is_a_negative_and_the_hotter_the_less_sure():
    decision = decided([cold()])
    assert not decision.mask.any()
    assert decision.instances == ()
    assert decision.score == pytest.approx(1 - 1 / (1 + np.exp(4)), abs=1e-4)
    assert decided([cold((0, 9, 0, 9), value=-1)]).score < decision.score


@pytest.mark.parametrize(("threshold", "taken"), [(0.7, True), (0.75, False)])
def test_the_threshold_is_a_probability(threshold, taken):
    assert decided([cold((5, 25, 5, 25), value=1.0)], threshold=threshold).mask.any() == taken


def test_where_phrases_meet_the_hottest_has_the_pixel():
    decision = decided([cold((5, 25, 5, 20)), cold((5, 25, 10, 25), value=6)], phrases=("coin", "note"))

    assert decision.mask[30, 25] == 1
    assert decision.mask[30, 60] == 2
    assert {one.phrase for one in decision.instances} == {0, 1}


@pytest.mark.parametrize(("text", "hot"), [(1, (4, 12, 4, 12)), (2, (18, 26, 18, 26)), (3, (18, 26, 18, 26))])
def test_a_number_lets_one_text_of_each_phrase_decide_alone(text, hot):
    maps = [cold((4, 12, 4, 12)), cold((18, 26, 18, 26)), cold((4, 12, 18, 26))]

    found = decided(maps, phrases=("coin=coin,medal", "note"), combine=text)

    alone = decided([cold(hot), maps[2]], phrases=("coin", "note"))
    assert np.array_equal(found.mask, alone.mask)


def test_texts_of_a_phrase_are_combined_and_not_those_of_another():
    maps = [cold((5, 15, 5, 15)), cold((20, 28, 20, 28)), cold()]
    both = decided(maps, phrases=("coin=coin,medal", "note"), combine="max")
    mean = decided(maps, phrases=("coin=coin,medal", "note"), combine="mean", threshold=0.6)

    assert both.mask[20, 40] == both.mask[48, 96] == 1
    assert not mean.mask.any()


def test_a_text_that_does_not_fit_is_refused(teacher):
    with pytest.raises(BadInput, match="at most 20 fit; shorten it"):
        teacher(("abcdefghijklmnopqrstuvwxyz",)).look([photo(9, 9)])
