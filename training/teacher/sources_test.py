import os

import pytest

from training.student.errors import BadInput
from training.teacher.sources import find_photos


def filled(folder, *files):
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names(folder, **options):
    return {photo.file: photo.name for photo in find_photos(folder, **options).photos}


def test_photos_in_folders_are_named_by_their_path(tmp_path):
    folder = filled(tmp_path, "b.jpg", "a.2.JPG", "june/coins/b.webp")

    assert names(folder) == {"a.2.JPG": "a.2", "b.jpg": "b", "june/coins/b.webp": "june-coins-b"}


def test_of_photos_that_would_share_a_name_the_first_has_it_and_the_others_are_numbered(tmp_path):
    folder = filled(tmp_path, "a.jpg", "a.png", "A.webp", "a-2.jpg", "x/y.jpg", "x-y.jpg")

    assert names(folder) == {
        "A.webp": "A",
        "a-2.jpg": "a-2",
        "a.jpg": "a-3",
        "a.png": "a-4",
        "x-y.jpg": "x-y",
        "x/y.jpg": "x-y-2",
    }


def test_an_accent_has_one_spelling_and_odd_bytes_are_replaced(tmp_path):
    filled(tmp_path, "cafe\u0301.jpg", "two\nlines.jpg", "日本.jpg")
    with open(os.fsencode(tmp_path) + b"/\xe9t\xe9.jpg", "wb"):  # noqa: PTH123 a name that is no text
        pass

    assert names(tmp_path) == {
        "caf\u00e9.jpg": "caf\u00e9",
        "two\nlines.jpg": "two_lines",
        "日本.jpg": "日本",
        "\ufffdt\ufffd.jpg": "\ufffdt\ufffd",
    }


def test_a_name_too_long_to_write_aside_is_cut_and_stays_its_own(tmp_path):
    folder = filled(tmp_path, f"{'é' * 60}/{'a' * 240}1.jpg", f"{'é' * 60}/{'a' * 240}2.jpg")

    found = list(names(folder).values())

    assert len(set(found)) == 2
    assert all(len(name.encode()) <= 200 for name in found)


def test_what_is_hidden_or_litter_is_passed_over_and_what_is_no_photo_is_counted(tmp_path):
    folder = filled(tmp_path, "a.jpg", ".b.jpg", ".trash/c.jpg", "Thumbs.db", "d.heic", "e.HEIC", "readme")

    assert names(folder) == {"a.jpg": "a"}
    assert find_photos(folder).others == {"": 1, ".heic": 2}


def test_the_masks_of_pairs_and_the_job_s_own_folder_are_no_photos(tmp_path):
    folder = filled(tmp_path, "photos/a.jpg", "masks/a.png")
    outer = filled(tmp_path / "outer", "c.jpg", "pairs/photos/d.jpg", "pairs/masks/d.png", "labelled/photos/c.jpg")

    assert names(folder) == {"a.jpg": "a"}
    assert names(outer, exclude=outer / "labelled") == {"c.jpg": "c", "pairs/photos/d.jpg": "pairs-photos-d"}


def test_a_folder_to_stay_out_of_is_found_all_the_same_where_nothing_else_was_asked_for(tmp_path):
    folder = filled(tmp_path / "here", "a.jpg", "in/b.jpg")

    assert names(folder, exclude=folder) == {"a.jpg": "a", "in/b.jpg": "in-b"}


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    folder = filled(tmp_path / "here", "a.jpg")
    filled(tmp_path / "there", "b.jpg")
    (folder / "there").symlink_to(tmp_path / "there")
    (tmp_path / "there" / "back").symlink_to(folder)

    assert names(folder) == {"a.jpg": "a", "there/b.jpg": "there-b"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "gone", "gone does not exist; expected a folder of .jpg"),
        (lambda folder: filled(folder, "a.jpg") / "a.jpg", "a.jpg is not a folder"),
        (lambda folder: folder, "holds no photos; expected .jpg, .jpeg, .png, .webp"),
        (lambda folder: filled(folder, "a.heic", "b.heic"), "holds no photos but 2 .heic"),
    ],
)
def test_a_folder_without_photos_is_refused(tmp_path, make, message):
    with pytest.raises(BadInput, match=message):
        find_photos(make(tmp_path))
