import cv2
import numpy as np
import pytest

from conversion.gate.pictures import draw_strip
from conversion.gate.predictions import Photo, Prediction
from training.student.contract import Contract
from training.student.errors import BadInput

COLOURS = {"good": 40, "typical": 120, "worst": 200}


def _photo(folder, name):
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), np.full((60, 90, 3), COLOURS[name], np.uint8))
    return Photo(name, path, np.zeros((32, 32, 3), np.uint8), np.ones((60, 90), np.uint8))


def _prediction(iou):
    return Prediction(np.zeros((1, 16, 16), np.float32), np.zeros((60, 90), np.uint8), iou)


def test_a_strip_shows_the_photo_of_median_iou_above_the_worst(tmp_path):
    photos = [_photo(tmp_path, name) for name in ("worst", "good", "typical")]
    predictions = [_prediction(iou) for iou in (0.2, 0.9, 0.7)]
    contract = Contract(32, 32, 2, ("coin",))

    draw_strip(photos, predictions, contract, tmp_path / "strip.jpg", lambda photo, *_: np.full_like(photo, 80))

    strip = cv2.imread(str(tmp_path / "strip.jpg"), cv2.IMREAD_GRAYSCALE).astype(int)
    middles = [columns.mean(axis=(0, 1)) for columns in _tiles(strip)]
    expected = [[COLOURS["typical"], 255, 0, 80], [COLOURS["worst"], 255, 0, 80]]
    assert np.abs(np.array(middles).reshape(2, 4) - expected).max() < 4


@pytest.mark.parametrize(("count", "classes"), [(1, ("coin",)), (2, ("sky", "road"))])
def test_a_strip_of_one_photo_or_of_several_classes_is_refused(tmp_path, count, classes):
    photos = [_photo(tmp_path, name) for name in ("good", "worst")][:count]
    predictions = [_prediction(iou) for iou in (0.9, 0.2)][:count]

    with pytest.raises(BadInput, match="--strip needs a student of one class, and two held-out photos"):
        draw_strip(photos, predictions, Contract(32, 32, 2, classes), tmp_path / "strip.jpg", pytest.fail)

    assert not (tmp_path / "strip.jpg").exists()


def _tiles(strip):
    """The middles of the eight tiles, by where rows of text and gaps put them."""
    rows, columns = strip.shape
    for row in (0.25, 0.72):
        for column in (0.125, 0.375, 0.625, 0.875):
            y, x = round(rows * row), round(columns * column)
            yield strip[y - 20 : y + 20, x - 20 : x + 20]
