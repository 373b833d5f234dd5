import numpy as np
import pytest
from PIL import Image

from training.data import colours
from training.data.photos import read_mask
from training.student.errors import BadInput

STREET = ("sky", "road sign")
RED = np.array([[[255, 0, 0], [0, 0, 0], [255, 0, 0]]], np.uint8)


def listed(tmp_path, text, classes=STREET):
    (tmp_path / "colours.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    return colours.read(tmp_path / "colours.txt", classes)


def read(tmp_path, image, meaning, classes):
    image.save(tmp_path / "mask.png")
    return read_mask(tmp_path / "mask.png", size=(1, 3), classes=classes, colours=meaning).tolist()


def test_where_there_is_no_list_values_are_indices(tmp_path):
    assert colours.read(tmp_path / "colours.txt", STREET) is None


@pytest.mark.parametrize(
    "text",
    [
        "#ff0000 road sign\n#000000 sky\n",
        b"\xef\xbb\xbf#FF0000\troad sign\r\n\r\n  #000000   sky  \r\n",
    ],
)
def test_a_line_is_a_colour_and_a_class_however_it_is_spaced(tmp_path, text):
    assert listed(tmp_path, text).indices(RED, tmp_path).tolist() == [[1, 0, 1]]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_coloured_masks_of_any_mode_are_read_by_colour_not_by_index(tmp_path, mode):
    meaning = listed(tmp_path, "#ff0000 sky\n#000000 road sign")
    image = Image.fromarray(RED)
    image = image.quantize(2) if mode == "P" else image.convert(mode)

    assert read(tmp_path, image, meaning, 2) == [[0, 1, 0]]


def test_grey_levels_are_colours_as_well(tmp_path):
    meaning = listed(tmp_path, "#808080 sky\n#000000 road sign")

    assert read(tmp_path, Image.fromarray(np.array([[128, 0, 128]], np.uint8)), meaning, 2) == [[0, 1, 0]]


def test_beside_a_single_class_the_rest_is_background(tmp_path):
    meaning = listed(tmp_path, "#ff0000 coin\n#000000 background", ("coin",))

    assert read(tmp_path, Image.fromarray(RED), meaning, 1) == [[1, 0, 1]]


def test_a_class_that_is_called_ignore_is_a_class(tmp_path):
    meaning = listed(tmp_path, "#ff0000 ignore\n#000000 sky", ("sky", "ignore"))

    assert meaning.indices(RED, tmp_path).tolist() == [[1, 0, 1]]


@pytest.mark.parametrize("mode", ["transparent", "16-bit"])
def test_colours_that_would_be_a_guess_are_refused(tmp_path, mode):
    meaning = listed(tmp_path, "#ff0000 sky\n#000000 road sign")
    image = Image.new("RGBA", (3, 1), (255, 0, 0, 100)) if mode == "transparent" else Image.new("I;16", (3, 1))

    with pytest.raises(BadInput, match=mode):
        read(tmp_path, image, meaning, 2)


def test_smooth_edges_are_counted_commonest_first(tmp_path):
    meaning = listed(tmp_path, "#ff0000 sky\n#000000 road sign")
    mask = np.zeros((4, 4, 3), np.uint8)
    mask[:2, :, 0] = 9
    mask[2, :, 1] = np.arange(4) + 1

    with pytest.raises(BadInput) as refusal:
        meaning.indices(mask, tmp_path / "a.png")

    assert str(refusal.value).startswith(
        f"{tmp_path}/a.png has the colours #090000 (8 pixels), #000100 (1 pixel), #000200 (1 pixel) and 2 more, which "
        f"{tmp_path}/colours.txt does not name; add a line for each"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("255 0 0 sky", r"line 1, is '255 0 0 sky', expected a colour and a class, such as #804080 road"),
        ("#ff000 sky", "line 1, is '#ff000 sky'"),
        ("#ff0000", "line 1, is '#ff0000'"),
        ("#ff0000 sky\n#00ff00 rode", "line 2, names 'rode', expected one of ignore, sky, road sign"),
        ("#ff0000 sky\n#FF0000 road sign", "line 2, gives #FF0000 a second time"),
        ("#ff0000 sky", "gives road sign no colour; add a line"),
        ("", "gives sky, road sign no colour"),
        (b"\xff\xfe", "expected UTF-8 text"),
    ],
)
def test_a_list_that_is_none_is_refused_by_its_line(tmp_path, text, message):
    with pytest.raises(BadInput, match=message):
        listed(tmp_path, text)
