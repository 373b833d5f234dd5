from pathlib import Path

import pytest

from training.data.merge import balanced_epoch, merge
from training.data.pairs import read_pairs
from training.student.errors import BadInput


@pytest.fixture
def folders(draw_discs, tmp_path):
    """Two folders whose pairs have the same names."""
    return [draw_discs(tmp_path / name, count) for name, count in (("rendered", 4), ("real", 2))]


def test_a_single_folder_stays_as_it_is(discs):
    assert merge([discs]) is discs


def test_pairs_of_several_folders_are_named_by_folder_and_sorted(folders):
    found = merge(list(map(read_pairs, folders)))

    assert [pair.name for pair in found.pairs] == [
        *(f"real-disc_{number:02}" for number in range(2)),
        *(f"rendered-disc_{number:02}" for number in range(4)),
    ]
    assert found.pairs[1].photo == folders[1] / "photos" / "disc_01.png"
    assert found.folders == tuple(folders)


def test_of_a_single_class_the_name_makes_no_difference_and_the_first_counts(folders):
    (folders[0] / "classes.txt").write_text("coin\n")
    (folders[1] / "classes.txt").write_text("disc\n")

    assert merge(list(map(read_pairs, folders))).classes == ("coin",)


def test_other_classes_are_refused(folders):
    (folders[1] / "classes.txt").write_text("background\ndisc\n")

    with pytest.raises(BadInput, match=r"real has the classes background, disc, .*rendered has foreground; fit them"):
        merge(list(map(read_pairs, folders)))


def test_pairs_that_would_share_a_name_are_refused(folders):
    with pytest.raises(BadInput, match="would both be real-disc_00; rename a folder"):
        merge([read_pairs(folders[1])] * 2)


@pytest.mark.parametrize(
    ("sizes", "least", "times"),
    [
        ((4,), 1, (1,)),
        ((4,), 9, (2,)),
        ((10, 10), 1, (1, 1)),
        ((12, 4), 1, (1, 3)),
        ((12, 4), 48, (2, 6)),
        ((765, 64), 700, (1, 12)),
    ],
)
def test_folders_share_an_epoch_alike(sizes, least, times):
    folders = [Path(str(number)) for number, size in enumerate(sizes) for _ in range(size)]

    order = balanced_epoch(folders, least)

    assert [order.count(index) for index in range(len(folders))] == [
        many for size, many in zip(sizes, times, strict=True) for _ in range(size)
    ]
