import cv2
import numpy as np

from training.teacher import background

ROWS, COLUMNS = 120, 160


def lit(shade=0.5):
    """A blue-grey table, bright at the left and dark at the right, with a spot of light."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    light = 1 - shade * x / COLUMNS - 0.3 * ((x - 60) ** 2 + (y - 50) ** 2) / 1e4
    return light[..., None] * np.array((130.0, 140.0, 170.0))


def test_a_ground_with_uneven_light_is_near_itself_everywhere():
    apart = background.background_distance(lit().astype(np.uint8), darkness=1)

    assert np.percentile(apart, 99) < 5


def test_a_thing_is_far_from_the_ground_by_its_difference_of_colour():
    photo = lit(0).astype(np.uint8)
    photo[40:80, 60:100] = (200, 60, 60)

    apart = background.background_distance(photo, darkness=1)

    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    expected = np.linalg.norm(lab[60, 80] - lab[60, 20])
    assert abs(apart[60, 80] - expected) < 6
    assert np.percentile(apart[:, :50], 99) < 5


def test_a_thing_on_a_third_of_the_photo_is_still_no_ground():
    photo = lit(0.3).astype(np.uint8)
    photo[20:100, 30:110] = (200, 160, 60)

    region = background.foreground(photo, darkness=0.5, otsu=1, contrast=8)

    assert region[22:98, 32:108].mean() > 0.99
    assert region[:, 115:].mean() < 0.01


def test_a_crowd_of_like_things_is_no_ground_while_the_frame_is_bare():
    photo = lit(0.3).astype(np.uint8)
    photo[14:106, 18:142] = (200, 160, 60)

    region = background.foreground(photo, darkness=0.5, otsu=1, contrast=8)

    assert region[16:104, 20:140].mean() > 0.99
    assert region[:10].mean() < 0.01


def test_a_shadow_counts_less_the_less_darkness_does():
    photo = lit(0)
    photo[40:80, 60:100] *= 0.7
    bright, dark = (
        background.background_distance(photo.astype(np.uint8), darkness=darkness)[60, 80] for darkness in (0.2, 1)
    )

    assert dark > 3 * bright


def test_red_and_blue_are_not_exchanged():
    photo = np.full((ROWS, COLUMNS, 3), 60, np.uint8)
    red, blue = photo.copy(), photo.copy()
    red[40:80, 60:100, 0] = 200
    blue[40:80, 60:100, 2] = 200

    # Pure blue is the further from grey in CIELAB.
    assert (
        background.background_distance(blue, darkness=0)[60, 80]
        > background.background_distance(red, darkness=0)[60, 80] + 10
    )
