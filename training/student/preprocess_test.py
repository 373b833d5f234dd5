import cv2
import numpy as np
import pytest

from training.student.contract import Contract
from training.student.errors import BadInput
from training.student.preprocess import preprocess

CONTRACT = Contract(32, 48, 4, ("coin",))


def photo(rows, columns):
    return np.random.default_rng(0).integers(0, 256, (rows, columns, 3), np.uint8)


@pytest.mark.parametrize("size", [(11, 7), (97, 131), (1, 1), (1, 50), (480, 640)])
def test_any_photo_becomes_an_input_as_opencv_would_stretch_it(size):
    taken = photo(*size)

    made = preprocess(taken, CONTRACT)

    assert made.shape == CONTRACT.input_shape
    assert made.dtype == np.uint8
    # OpenCV computes on bytes with 11-bit weights, so it may fall on the other side of a half.
    theirs = cv2.resize(taken, (CONTRACT.width, CONTRACT.height), interpolation=cv2.INTER_LINEAR)
    assert np.abs(made.astype(int) - theirs).max() <= 1


def test_a_photo_of_the_input_s_size_is_left_alone():
    taken = photo(32, 48)

    assert np.array_equal(preprocess(taken, CONTRACT), taken)


def test_colours_keep_their_order():
    red = np.zeros((5, 5, 3), np.uint8)
    red[..., 0] = 200

    assert (preprocess(red, CONTRACT) == (200, 0, 0)).all()


def test_halves_are_rounded_up():
    edge = np.repeat(np.array([[[0] * 3, [1] * 3, [2] * 3, [3] * 3]], np.uint8), 4, axis=0)

    made = preprocess(edge, Contract(4, 2, 1, ("coin",)))

    assert made[0, :, 0].tolist() == [1, 3]


def test_a_view_of_a_photo_is_read_as_it_looks():
    taken = photo(20, 30)

    assert np.array_equal(preprocess(taken[:, ::-1], CONTRACT), preprocess(taken[:, ::-1].copy(), CONTRACT))


@pytest.mark.parametrize(
    "wrong",
    [
        photo(4, 4)[..., 0],
        photo(4, 4)[None],
        np.dstack([photo(4, 4), photo(4, 4)[..., :1]]),
        photo(4, 4).astype(np.float32),
        photo(4, 4).astype(np.uint16),
        photo(0, 4),
    ],
    ids=["grey", "batch", "rgba", "float", "16 bits", "empty"],
)
def test_what_is_no_8_bit_rgb_photo_is_refused(wrong):
    with pytest.raises(BadInput, match=r"must be \(rows, columns, 3\) uint8 RGB, found"):
        preprocess(wrong, CONTRACT)
