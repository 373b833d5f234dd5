import base64

import cv2
import numpy as np
import pytest

from training.data.preview import OTHER, draw_preview, jpeg_data_url
from training.student.effects import COLOURS, colour_of

PHOTO = np.full((60, 90, 3), 100, np.uint8)
MASK = np.zeros((60, 90), np.uint8)
MASK[20:40, 30:60] = 1


def test_a_mask_is_tinted_outlined_and_the_rest_is_the_photo():
    picture = draw_preview(PHOTO, MASK, 1, side=90)

    assert tuple(picture[0, 0]) == (100, 100, 100)
    assert tuple(picture[20, 45]) == COLOURS[0]
    assert picture[30, 45] == pytest.approx(0.6 * 100 + 0.4 * np.array(COLOURS[0]), abs=1)


def test_classes_have_colours_of_their_own_and_what_nobody_judged_has_none():
    mask = MASK.copy()
    mask[50:] = 255

    picture = draw_preview(PHOTO, mask, 2, side=90)

    assert picture[30, 45] == pytest.approx(0.6 * 100 + 0.4 * np.array(colour_of(1, 2)), abs=1)
    assert picture[5, 5] == pytest.approx(0.6 * 100 + 0.4 * np.array(colour_of(0, 2)), abs=1)
    assert tuple(picture[57, 45]) == (100, 100, 100)


def test_another_teacher_s_mask_is_outlined_alone():
    picture = draw_preview(PHOTO, np.zeros_like(MASK), 1, side=90, other=MASK)

    assert tuple(picture[20, 45]) == OTHER
    assert tuple(picture[30, 45]) == (100, 100, 100)


@pytest.mark.parametrize(("side", "size"), [(30, (20, 30)), (900, (60, 90))])
def test_a_picture_is_as_large_as_asked_for_but_never_larger_than_its_photo(side, size):
    assert draw_preview(PHOTO, MASK, 1, side=side).shape == (*size, 3)


def test_a_picture_in_a_page_keeps_its_colours_and_says_nothing_of_its_camera():
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255

    kind, _, data = jpeg_data_url(red).partition(",")

    encoded = base64.b64decode(data)
    found = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert kind == "data:image/jpeg;base64"
    assert found[8, 8] == pytest.approx([0, 0, 255], abs=3)
    assert b"Exif" not in encoded
