from itertools import chain

import numpy as np

from training.teacher.proposals import Boxes, Proposals
from training.teacher.region import Region


def test_findings_give_the_same_proposals_back():
    rng = np.random.default_rng(0)
    masks = [
        [Region.from_mask(rng.random((5, 13)) < 0.5, left=3, top=2), Region.from_mask(np.zeros((4, 4), bool))],
        [Region.from_mask(rng.random((1, 8)) < 0.9), Region.from_mask(np.ones((30, 1), bool), left=41)],
    ]
    found = Boxes(np.array([[0, 1, 2, 3], [4, 5, 6, 7]], np.float32), np.array([[0.9], [0.2]], np.float32))
    given = Proposals((30, 42), found, masks, np.array([[0.5, np.nan], [0.25, 1]], np.float32))

    findings = given.to_findings()
    back = Proposals.from_findings(findings)

    assert all(array.dtype != object for array in findings.arrays.values())
    assert back.size == (30, 42)
    np.testing.assert_array_equal(back.found.boxes, found.boxes)
    np.testing.assert_array_equal(back.found.scores, found.scores)
    np.testing.assert_array_equal(back.mask_scores, given.mask_scores)
    for ours, theirs in zip(chain(*back.masks), chain(*masks), strict=True):
        assert ours.area == theirs.area
        np.testing.assert_array_equal(ours.bits, theirs.bits)
        assert not ours.area or ours.box == theirs.box


def test_nothing_found_can_be_kept_as_well():
    none = Boxes(np.zeros((0, 4), np.float32), np.zeros((0, 2), np.float32))

    back = Proposals.from_findings(Proposals((6, 7), none, [], np.zeros((0, 3), np.float32)).to_findings())

    assert back.size == (6, 7)
    assert back.masks == []
    assert back.found.scores.shape == (0, 2)


def test_a_mask_of_a_small_thing_takes_little_room_on_a_large_photo():
    found = Boxes(np.zeros((1, 4), np.float32), np.ones((1, 1), np.float32))
    thing = Region.from_mask(np.ones((80, 80), bool), left=3000, top=2000)

    findings = Proposals((3000, 4000), found, [[thing]], np.ones((1, 1), np.float32)).to_findings()

    assert sum(array.nbytes for array in findings.arrays.values()) < 1000


def test_boxes_are_cut_to_the_photo_and_ranked_and_the_unlikely_left_out():
    boxes = np.array([[-5, -5, 10, 10], [90, 40, 120, 60], [10, 10, 20, 20], [101, 0, 130, 20]], np.float32)
    scores = np.array([[0.3, 0.1], [0.2, 0.8], [0.05, 0.04], [0.9, 0.9]], np.float32)

    found, order = Boxes.top(boxes, scores, (50, 100), floor=0.1, most=10)

    np.testing.assert_array_equal(found.boxes, [[90, 40, 100, 50], [0, 0, 10, 10]])
    np.testing.assert_array_equal(found.scores, scores[[1, 0]])
    assert order.tolist() == [1, 0]
    assert len(Boxes.top(boxes, scores, (50, 100), floor=0.1, most=1)[0].boxes) == 1
    assert found.best_for(0, 0.1).tolist() == [1]
    assert found.best_for(1, 0.1).tolist() == [0]
    assert found.best_for(0, 0.31).tolist() == []
