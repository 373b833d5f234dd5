import numpy as np
import pytest
from PIL import Image

from training.data.pairs import Pair, read_pairs
from training.data.scan import scan
from training.student.errors import BadInput

DISC = np.array([[0, 255, 255], [0, 0, 255]], np.uint8)


def folder_of(tmp_path, names=("one", "two"), suffix="jpg", mask=DISC):
    folder = tmp_path / "coins"
    for kind in ("photos", "masks"):
        (folder / kind).mkdir(parents=True)
    for name in names:
        Image.new("RGB", (3, 2), (9, 9, 9)).save(folder / "photos" / f"{name}.{suffix}")
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
    return folder


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "png", "webp", "JPG"])
def test_pairs_share_a_name_and_come_sorted_by_it(tmp_path, suffix):
    folder = folder_of(tmp_path, ("b", "a.2", "a"), suffix)

    found = read_pairs(folder)

    assert [pair.name for pair in found.pairs] == ["a", "a.2", "b"]
    assert found.pairs[0] == Pair("a", folder / "photos" / f"a.{suffix}", folder / "masks" / "a.png")
    assert found.classes == ("foreground",)
    scan(found)


def test_file_managers_leave_litter_that_does_no_harm(tmp_path):
    folder = folder_of(tmp_path)
    for name in (".DS_Store", "Thumbs.db", "._one.jpg"):
        (folder / "photos" / name).touch()

    assert len(read_pairs(folder).pairs) == 2


def test_an_accent_spelt_in_two_code_points_is_the_same_name(tmp_path):
    folder = folder_of(tmp_path, ("caf\u00e9",))
    (folder / "masks" / "caf\u00e9.png").rename(folder / "masks" / "cafe\u0301.png")

    assert [pair.name for pair in read_pairs(folder).pairs] == ["caf\u00e9"]


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        (b"coin\n", ("coin",)),
        (b"sky\r\nroad sign\r\n\r\n", ("sky", "road sign")),
        (b"\xef\xbb\xbfsky\nroad", ("sky", "road")),
    ],
)
def test_classes_are_the_lines_of_a_text_file(tmp_path, text, classes):
    folder = folder_of(tmp_path)
    (folder / "classes.txt").write_bytes(text)

    assert read_pairs(folder).classes == classes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty, expected one class name a line"),
        (b"\n \n", "is empty"),
        (b"sky\nroad\nsky\n", "names sky more than once"),
        (b"sky\n\nroad\n", "empty line 2"),
        (b"\xff\xfe", "expected UTF-8 text"),
        ("\n".join(map(str, range(256))).encode(), "names 256 classes, at most 255"),
    ],
)
def test_a_classes_file_that_is_no_list_of_names_is_refused(tmp_path, text, message):
    folder = folder_of(tmp_path)
    (folder / "classes.txt").write_bytes(text)

    with pytest.raises(BadInput, match=message):
        read_pairs(folder)


def test_a_dropped_photo_is_left_out_unless_it_is_asked_for(tmp_path):
    folder = folder_of(tmp_path, ("one", "two", "three"))
    (folder / "dropped.txt").write_text("two  # blurred\n")

    kept, every = read_pairs(folder), read_pairs(folder, dropped=True)

    assert [pair.name for pair in kept.pairs] == ["one", "three"]
    assert [pair.name for pair in every.pairs] == ["one", "three", "two"]
    assert kept.dropped == every.dropped == {"two"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("onne", r"dropped\.txt, line 1, names 'onne', .* did you mean 'one'"), ("one\ntwo", "drops all 2 photos")],
)
def test_a_list_that_drops_what_is_not_there_or_everything_is_refused(tmp_path, text, message):
    folder = folder_of(tmp_path)
    (folder / "dropped.txt").write_text(text)

    with pytest.raises(BadInput, match=message):
        read_pairs(folder)


def without_masks(folder):
    for name in ("a", "b", "c", "d"):
        Image.new("RGB", (3, 2)).save(folder / "photos" / f"{name}.jpg")


def without_photos(folder):
    Image.fromarray(DISC).save(folder / "masks" / "three.png")


def with_two_photos_of_a_name(folder):
    Image.new("RGB", (3, 2)).save(folder / "photos" / "one.png")


def without_any(folder):
    for path in (folder / "photos").iterdir():
        path.unlink()


def with_a_file_as_masks(folder):
    (folder / "masks").rename(folder / "elsewhere")
    (folder / "masks").touch()


def with_a_link_that_leads_out(folder):
    (folder / "photos" / "one.jpg").rename(folder.parent / "one.jpg")
    (folder / "photos" / "one.jpg").symlink_to("../../one.jpg")


def with_photos_linked_from_elsewhere(folder):
    (folder / "photos").rename(folder.parent / "photos")
    (folder / "photos").symlink_to("../photos")


SPOILT = {
    "no folder": (lambda folder: folder.rename(folder.parent / "moved"), "coins does not exist; a folder of pairs"),
    "no photos folder": (lambda folder: (folder / "photos").rename(folder / "p"), "photos does not exist; .* holds ph"),
    "no masks folder": (lambda folder: (folder / "masks").rename(folder / "m"), "masks does not exist"),
    "a file as masks": (with_a_file_as_masks, "masks is not a folder"),
    "photos without masks": (without_masks, r"4 photos \(a, b, c, …\) without a mask"),
    "mask without photo": (without_photos, r"1 mask \(three\) without a photo"),
    "two photos of one name": (with_two_photos_of_a_name, r"holds one\.jpg and one\.png"),
    "no photos at all": (without_any, "holds no photos"),
    "a photo that leads out": (with_a_link_that_leads_out, "leads out of"),
    "a folder that leads out": (with_photos_linked_from_elsewhere, "leads out of"),
    "a dangling link": (lambda folder: (folder / "photos" / "x.jpg").symlink_to("gone.jpg"), "is not a .jpg"),
    "a heic photo": (lambda folder: (folder / "photos" / "x.heic").touch(), r"x\.heic is not a \.jpg or .*; convert"),
    "a jpeg mask": (lambda folder: (folder / "masks" / "x.jpg").touch(), r"x\.jpg is not a \.png file"),
    "a subfolder": (lambda folder: (folder / "photos" / "more").mkdir(), "more is not a"),
}


@pytest.mark.parametrize(("spoil", "message"), SPOILT.values(), ids=SPOILT)
def test_a_folder_of_another_layout_is_refused_saying_which(tmp_path, spoil, message):
    folder = folder_of(tmp_path)
    spoil(folder)

    with pytest.raises(BadInput, match=message):
        read_pairs(folder)


def test_a_link_within_the_folder_is_followed(tmp_path):
    folder = folder_of(tmp_path)
    (folder / "masks" / "two.png").unlink()
    (folder / "masks" / "two.png").symlink_to("one.png")

    counts = scan(read_pairs(folder)).census.counts
    assert counts["two"].tolist() == counts["one"].tolist() == [3, 3]


COLOURS = "#804080 road\n#400080 car\n#4000C0 car\n#000000 ignore\n#808080 sky\n"


def coloured(tmp_path, *rows):
    return folder_of(
        tmp_path,
        mask=np.array([[[int(each[i : i + 2], 16) for i in (0, 2, 4)] for each in row] for row in rows], np.uint8),
    )


def test_coloured_masks_are_read_by_the_list_of_their_colours(tmp_path):
    folder = coloured(tmp_path, ("808080", "808080", "804080"), ("400080", "4000c0", "000000"))
    (folder / "classes.txt").write_text("sky\nroad\ncar\n")
    (folder / "colours.txt").write_text(COLOURS)

    found = read_pairs(folder)

    assert found.pairs[0].read_mask((2, 3, 3), 3).tolist() == [[0, 0, 1], [2, 2, 255]]
    assert scan(found).census.counts["one"].tolist() == [2, 1, 2]


def test_coloured_masks_of_one_class_may_leave_pixels_unjudged(tmp_path):
    folder = coloured(tmp_path, ("ff0000", "000000", "808080"))
    (folder / "classes.txt").write_text("coin\n")
    (folder / "colours.txt").write_text("#ff0000 coin\n#000000 background\n#808080 ignore\n")

    assert read_pairs(folder).pairs[0].read_mask((1, 3, 3), 1).tolist() == [[1, 0, 255]]


def test_a_colour_that_is_not_listed_is_refused_with_its_count(tmp_path):
    folder = coloured(tmp_path, ("808080", "818080", "804080"), ("818080", "0a0b0c", "000000"))
    (folder / "classes.txt").write_text("sky\nroad\ncar\n")
    (folder / "colours.txt").write_text(COLOURS)

    with pytest.raises(BadInput, match=r"one\.png has the colours #818080 \(2 pixels\), #0a0b0c \(1 pixel\), which"):
        scan(read_pairs(folder))
