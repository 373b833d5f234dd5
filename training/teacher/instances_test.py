import numpy as np
import pytest
from PIL import Image

from training.data.pairs import Pair
from training.teacher.instances import MaskInstance, instance_iou, jittered_box, mask_instances, target_and_weight
from training.teacher.region import Region


@pytest.fixture
def pair(tmp_path):
    def write(mask):
        Image.fromarray(np.zeros((*mask.shape, 3), np.uint8)).save(tmp_path / "photo.png")
        Image.fromarray(mask).save(tmp_path / "mask.png")
        return Pair("one", tmp_path / "photo.png", tmp_path / "mask.png")

    return write


def instance(left, top, right, bottom, size=(40, 80)):
    bits = np.zeros(size, bool)
    bits[top:bottom, left:right] = True
    return MaskInstance(Region.from_mask(bits), np.ones(size, bool))


def test_each_part_of_each_class_is_a_thing_and_specks_are_none(pair):
    mask = np.zeros((40, 60), np.uint8)
    mask[5:15, 5:15] = mask[20:30, 20:40] = 1
    mask[5:15, 15:25] = 2
    mask[0, 59] = 1
    mask[35:, :] = 255

    found = mask_instances(pair(mask), 3, 0.02)

    assert [one.region.box for one in found] == [(20, 20, 40, 30), (5, 5, 15, 15), (15, 5, 25, 15)]
    assert not found[0].valid[35:].any()
    assert found[0].valid[:35].all()


def test_in_a_binary_mask_255_is_the_thing(pair):
    mask = np.zeros((40, 60), np.uint8)
    mask[5:15, 5:15] = 255

    (found,) = mask_instances(pair(mask), 1, 0.02)

    assert found.region.box == (5, 5, 15, 15)
    assert found.valid.all()
    assert mask_instances(pair(np.zeros((4, 6), np.uint8)), 1, 0.02) == []


def test_in_a_binary_mask_128_is_what_nobody_judged(pair):
    mask = np.zeros((40, 60), np.uint8)
    mask[5:15, 5:15], mask[15:20] = 255, 128

    (found,) = mask_instances(pair(mask), 1, 0.02)

    assert found.region.box == (5, 5, 15, 15)
    assert np.array_equal(found.valid, mask != 128)


def test_a_strayed_box_stays_near_and_on_the_photo():
    rng = np.random.default_rng(0)
    boxes = np.concatenate([jittered_box(instance(0, 10, 40, 20), 0.1, rng) for _ in range(200)])

    assert boxes.dtype == np.float32
    assert boxes[:, 0].min() == 0
    assert np.abs(boxes - [0, 10, 40, 20]).max(axis=0) == pytest.approx([4, 1, 4, 1], abs=0.1)
    np.testing.assert_array_equal(jittered_box(instance(0, 10, 40, 20), 0, rng), [[0, 10, 40, 20]])


def test_a_frame_holds_the_thing_where_the_network_sees_it_and_counts_no_padding():
    shown, counts = target_and_weight(instance(40, 0, 80, 20), ((32, 64), (64, 64)), (16, 16))

    expected = np.zeros((16, 16))
    expected[:4, 8:] = 1
    np.testing.assert_allclose(shown, expected)
    np.testing.assert_array_equal(counts[:8], 1)
    np.testing.assert_array_equal(counts[8:], 0)


def test_an_edge_within_a_logit_is_a_share_of_it():
    shown, _ = target_and_weight(instance(0, 0, 5, 40), ((32, 64), (64, 64)), (16, 16))

    # 5 of the 80 columns, 5 to a logit: exactly the first; 3 of them: three fifths.
    assert shown[0, :2].tolist() == [1, 0]
    assert target_and_weight(instance(0, 0, 3, 40), ((32, 64), (64, 64)), (16, 16))[0][0, 0] == pytest.approx(
        0.6, abs=0.02
    )


def test_iou_counts_only_where_somebody_judged():
    one = instance(0, 0, 20, 20)
    half = Region.from_mask(np.ones((20, 10), bool))
    assert instance_iou(one, one.region) == 1
    assert instance_iou(one, half) == 0.5
    one.valid[:, 10:] = False
    assert instance_iou(one, half) == 1
