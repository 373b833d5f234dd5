import pytest

from training.data.histogram import make_histogram


def test_every_value_is_in_one_bar_the_highest_of_which_is_one():
    found = make_histogram("area", [0.0, 0.01, 0.5, 0.5, 0.5, 1.0], "{:.2f}".format, (0, 1))

    assert sum(bar.count for bar in found.bars) == 6
    assert [(index, bar.count, bar.height) for index, bar in enumerate(found.bars) if bar.count] == [
        (0, 2, pytest.approx(2 / 3)),
        (12, 3, 1),
        (23, 1, pytest.approx(1 / 3)),
    ]
    assert found.bars[12].words == "0.50 to 0.54"
    assert found.summary == "6 values, median 0.50, from 0.00 to 1.00"
    assert (found.least, found.largest) == ("0.00", "1.00")


def test_a_few_whole_numbers_have_a_bar_each():
    found = make_histogram("pieces", [2, 0, 2, 3], "{:.0f}".format)

    assert [(bar.words, bar.count) for bar in found.bars] == [("0", 1), ("1", 0), ("2", 2), ("3", 1)]


def test_many_whole_numbers_share_bars():
    found = make_histogram("side", [100, 4000, 3000], "{:.0f}".format)

    assert len(found.bars) == 24
    assert sum(bar.count for bar in found.bars) == 3


def test_of_one_value_there_is_nothing_to_draw_and_of_none_nothing_to_say():
    assert make_histogram("side", [480, 480], "{:.0f} px".format).bars == ()
    assert make_histogram("side", [480, 480], "{:.0f} px".format).summary == "all 2: 480 px"
    assert make_histogram("side", [], "{:.0f}".format) is None
