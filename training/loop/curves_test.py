import pytest
from PIL import Image

from training.loop.curves import draw_curves


def rows(count):
    return [{"epoch": n + 1, "loss": 1 / (n + 1), "iou": n / count, "learning_rate": 1e-3} for n in range(count)]


@pytest.mark.parametrize("count", [1, 2, 30])
def test_any_number_of_epochs_makes_a_picture(tmp_path, count):
    draw_curves(rows(count), tmp_path / "curves.png")

    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (840, 360)
        assert len(picture.convert("L").getcolors()) > 10


def test_other_figures_make_another_picture(tmp_path):
    for name, count in (("one", 3), ("same", 3), ("other", 4)):
        draw_curves(rows(count), tmp_path / name)

    one, same, other = ((tmp_path / name).read_bytes() for name in ("one", "same", "other"))
    assert one == same != other
