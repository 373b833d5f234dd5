import numpy as np
import pytest

from training.teacher.proposals import Boxes, Proposals
from training.teacher.region import Region
from training.teacher.selection import RULES, SelectionOptions, decide_from_proposals

SIZE = (60, 100)


def filled(left, top, right, bottom):
    return Region.from_mask(np.ones((bottom - top, right - left), bool), left=left, top=top)


def proposals(*things):
    """Each: box, scores of the phrases, and masks with their scores; a mask is a region or fills the box it is."""
    boxes = np.array([thing[0] for thing in things], np.float32).reshape(-1, 4)
    scores = np.array([thing[1] for thing in things], np.float32)
    masks = [[one if isinstance(one, Region) else filled(*one) for one in thing[2]] for thing in things]
    return Proposals(SIZE, Boxes(boxes, scores), masks, np.array([thing[3] for thing in things], np.float32))


def thing(box, box_score, mask_score):
    return box, [box_score], [box], [mask_score]


A, B, C = (0, 0, 20, 20), (30, 0, 50, 20), (60, 0, 90, 30)


def drawn(decision):
    """The boxes of what is in the mask, after checking that the mask shows just that."""
    shown = np.zeros(SIZE, bool)
    for one in decision.instances:
        left, top, right, bottom = map(int, one.box)
        shown[top:bottom, left:right] = True
    np.testing.assert_array_equal(decision.mask > 0, shown)
    return {tuple(map(int, one.box)) for one in decision.instances}


@pytest.mark.parametrize(
    ("rule", "expected", "undecided"),
    [
        ("union", {A, B}, False),
        ("mask", {B}, False),
        ("box", {A}, False),
        ("agreement", set(), True),
    ],
)
def test_what_each_rule_takes_where_detector_and_segmenter_differ(rule, expected, undecided):
    given = proposals(thing(A, 0.9, 0.6), thing(B, 0.5, 0.95), thing(C, 0.2, 0.99))

    decision = decide_from_proposals(given, SelectionOptions(), threshold=0.3, rule=rule)

    assert drawn(decision) == expected
    assert decision.undecided is undecided


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_takes_what_both_like_best(rule):
    decision = decide_from_proposals(
        proposals(thing(A, 0.5, 0.6), thing(B, 0.9, 0.95)), SelectionOptions(), threshold=0.3, rule=rule
    )

    assert B in drawn(decision)
    assert not decision.undecided
    assert decision.score == pytest.approx(0.3 if rule == "union" else 0.9 * 0.95)


@pytest.mark.parametrize("rule", RULES)
def test_a_photo_without_boxes_is_a_negative_and_not_undecided(rule):
    nothing = Proposals(SIZE, Boxes(np.zeros((0, 4), np.float32), np.zeros((0, 1), np.float32)), [], np.zeros((0, 3)))

    for given in (nothing, proposals(thing(A, 0.2, 0.9))):
        decision = decide_from_proposals(given, SelectionOptions(), threshold=0.3, rule=rule)
        assert drawn(decision) == set()
        assert not decision.undecided
    assert decision.score == pytest.approx(0.8)


def test_a_threshold_lets_its_own_value_pass():
    assert drawn(decide_from_proposals(proposals(thing(A, 0.5, 0.9)), SelectionOptions(), threshold=0.5)) == {A}


def test_of_two_boxes_around_one_thing_the_better_is_kept():
    near = (1, 0, 21, 20)
    given = proposals(thing(near, 0.6, 0.9), thing(A, 0.8, 0.7), thing(B, 0.5, 0.9))

    assert drawn(decide_from_proposals(given, SelectionOptions(nms=0.5), threshold=0.3)) == {A, B}
    assert drawn(decide_from_proposals(given, SelectionOptions(nms=1), threshold=0.3)) == {A, near, B}


def test_the_best_mask_that_fits_its_box_is_taken():
    whole, part, leak = A, (5, 5, 10, 10), (0, 0, 100, 60)
    given = proposals((A, [0.9], [part, leak, whole], [0.9, 0.95, 0.5]))

    decision = decide_from_proposals(given, SelectionOptions(), threshold=0.3)

    assert drawn(decision) == {A}
    assert decision.instances[0].mask_score == pytest.approx(0.5)
    assert decide_from_proposals(given, SelectionOptions(consistency=0), threshold=0.3).mask.all(), (
        "without the check it leaks"
    )


def test_a_box_without_a_fitting_mask_leaves_the_photo_undecided():
    given = proposals((A, [0.9], [(0, 0, 100, 60)], [0.9]))

    assert decide_from_proposals(given, SelectionOptions(), threshold=0.3).undecided
    assert decide_from_proposals(
        proposals(thing(A, 0.9, 0.4)), SelectionOptions(mask_threshold=0.5), threshold=0.3
    ).undecided


def test_a_speck_far_away_does_not_make_a_mask_unfit():
    bits = np.zeros(SIZE, bool)
    bits[:20, :20] = True
    bits[59, 99] = True

    decision = decide_from_proposals(
        proposals((A, [0.9], [Region.from_mask(bits)], [0.9])), SelectionOptions(), threshold=0.3
    )

    assert drawn(decision) == {A}


def test_a_true_hole_survives_into_the_mask():
    bits = np.ones((20, 20), bool)
    bits[5:15, 5:15] = False
    bits[1, 1] = False

    decision = decide_from_proposals(
        proposals((A, [0.9], [Region.from_mask(bits)], [0.9])), SelectionOptions(), threshold=0.3
    )

    assert decision.mask.sum() == 400 - 100
    assert not decision.mask[5:15, 5:15].any()


def test_a_box_belongs_to_the_phrase_that_describes_it_best():
    given = proposals((A, [0.6, 0.5], [A], [1]), (B, [0.4, 0.9], [B], [1]))

    decision = decide_from_proposals(given, SelectionOptions(), threshold=0.3)

    assert decision.mask[10, 10] == 1
    assert decision.mask[10, 40] == 2
    assert {(one.phrase, one.box[0]) for one in decision.instances} == {(0, 0), (1, 30)}


@pytest.mark.parametrize(("overlap", "winner"), [("score", 2), ("smaller", 2), ("first", 1)])
def test_who_wins_where_phrases_overlap(overlap, winner):
    large, small = (0, 0, 40, 40), (10, 10, 20, 20)
    given = proposals((large, [0.5, 0], [large], [1]), (small, [0, 0.9], [small], [1]))

    decision = decide_from_proposals(given, SelectionOptions(overlap=overlap), threshold=0.3)

    assert decision.mask[15, 15] == winner
    assert decision.mask[30, 30] == 1
    # The smaller, painted over wholly, is in the mask no more.
    assert len(decision.instances) == winner


def test_the_higher_score_wins_though_it_is_the_larger():
    large, small = (0, 0, 40, 40), (10, 10, 20, 20)
    given = proposals((large, [0, 0.9], [large], [1]), (small, [0.5, 0], [small], [1]))

    assert decide_from_proposals(given, SelectionOptions(), threshold=0.3).mask[15, 15] == 2
    assert decide_from_proposals(given, SelectionOptions(overlap="smaller"), threshold=0.3).mask[15, 15] == 1


def test_one_undecided_phrase_makes_the_photo_undecided():
    given = proposals((A, [0.9, 0], [A], [0.5]), (B, [0.5, 0], [B], [0.9]), (C, [0, 0.9], [C], [0.9]))

    assert decide_from_proposals(given, SelectionOptions(), threshold=0.3, rule="agreement").undecided
    assert not decide_from_proposals(given, SelectionOptions(), threshold=0.3, rule="union").undecided
