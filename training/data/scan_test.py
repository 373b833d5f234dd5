import os
import threading
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from training.data import photos
from training.data.pairs import read_pairs
from training.data.scan import digest, scan
from training.data.split import split
from training.data.store import Bound
from training.data.views import TrainingView, at_stored_size
from training.student.errors import BadInput

DISC = np.array([[0, 255, 255], [0, 0, 255]], np.uint8)


@pytest.fixture
def folder_of(tmp_path):
    """Writes a folder of tiny pairs."""

    def write(names=("one", "two"), mask=DISC):
        folder = tmp_path / "coins"
        for kind in ("photos", "masks"):
            (folder / kind).mkdir(parents=True)
        for name in names:
            Image.new("RGB", (3, 2), (9, 9, 9)).save(folder / "photos" / f"{name}.jpg")
            Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
        return folder

    return write


def test_all_faults_are_counted_and_the_first_ten_listed(folder_of):
    folder = folder_of([f"{number:02}" for number in range(13)])
    for number in range(1, 13):
        (folder / "photos" / f"{number:02}.jpg").write_bytes(b"")

    with pytest.raises(BadInput, match=r"12 faults in .*coins") as refusal:
        scan(read_pairs(folder))

    assert "photos/10.jpg is empty" in str(refusal.value)
    assert "photos/11.jpg" not in str(refusal.value)
    assert "and 2 more" in str(refusal.value)


def test_where_the_first_ten_are_all_at_fault_the_rest_is_not_read(folder_of):
    folder = folder_of([f"{number:03}" for number in range(60)], mask=np.full((2, 3), 2, np.uint8))

    with pytest.raises(BadInput, match=r"10 faults in .*coins") as refusal:
        scan(read_pairs(folder))

    assert "name its classes in classes.txt" in str(refusal.value)
    assert "50 more pairs were not read" in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "classes", "message"),
    [
        (0, "coin", "no foreground at all"),
        (255, "coin", "only foreground"),
        (128, "coin", "nothing but pixels to ignore"),
        (1, "sky\nroad", r"only class 1 \(road\)"),
        (255, "sky\nroad", "nothing but pixels to ignore"),
    ],
)
def test_masks_that_teach_nothing_are_refused(folder_of, value, classes, message):
    folder = folder_of(mask=np.full((2, 3), value, np.uint8))
    (folder / "classes.txt").write_text(classes)

    with pytest.raises(BadInput, match=message):
        scan(read_pairs(folder))


def test_black_and_white_masks_beside_several_classes_are_refused_with_the_remedy(folder_of):
    folder = folder_of()
    (folder / "classes.txt").write_text("background\ncoin")

    with pytest.raises(BadInput, match=r"only class 0 \(background\) and pixels to ignore .* remove classes\.txt"):
        scan(read_pairs(folder))


@pytest.mark.parametrize("values", [(0, 1, 2), (0, 1, 255), (2, 1, 0)])
def test_an_index_beyond_the_classes_is_refused_by_file_value_and_what_was_expected(folder_of, values):
    folder = folder_of(mask=np.array([values, values], np.uint8))
    (folder / "classes.txt").write_text("sky\nroad")

    if 2 not in values:
        scan(read_pairs(folder))
        return
    with pytest.raises(
        BadInput, match=r"2 faults in .*\n  .*masks/one.png has values 2, expected class indices 0 to 1, or 255"
    ):
        scan(read_pairs(folder))


def test_masks_are_counted_class_by_class(folder_of):
    folder = folder_of()

    assert {name: counts.tolist() for name, counts in scan(read_pairs(folder)).census.counts.items()} == {
        "one": [3, 3],
        "two": [3, 3],
    }


def test_one_empty_mask_among_others_is_a_photo_without_the_thing(folder_of):
    folder = folder_of()
    Image.fromarray(np.zeros_like(DISC)).save(folder / "masks" / "one.png")

    assert scan(read_pairs(folder)).census.counts["one"].tolist() == [6, 0]


def test_the_digest_sees_a_changed_byte_and_a_changed_name(draw_discs, tmp_path):
    folder = draw_discs(tmp_path / "discs", count=2)
    photos, masks = folder / "photos", folder / "masks"
    digests = [digest(read_pairs(folder).pairs), digest(read_pairs(folder).pairs)]
    assert digests[0] == digests[1]

    (photos / "disc_01.png").write_bytes((photos / "disc_00.png").read_bytes())
    digests.append(digest(read_pairs(folder).pairs))
    for part in (photos, masks):
        (part / "disc_01.png").rename(part / "disc_02.png")
    digests.append(digest(read_pairs(folder).pairs))

    assert len(set(digests)) == 3


def test_every_photo_is_decoded_whole_once(draw_discs, tmp_path, monkeypatch):
    pairs = read_pairs(draw_discs(tmp_path / "discs", count=3))
    decoded = []
    monkeypatch.setattr("training.data.scan.read_photo", lambda path: decoded.append(path) or photos.read_photo(path))

    scan(pairs, lambda whole: whole, room=10**9)

    assert sorted(decoded) == [pair.photo for pair in pairs.pairs]


def test_a_slow_first_pair_lets_no_more_be_kept_than_there_is_room_for(draw_discs, tmp_path):
    pairs = read_pairs(draw_discs(tmp_path / "discs", count=12))
    first, kept = threading.Event(), []

    def prepare(whole):
        kept.append(whole)
        if len(kept) == 1:
            first.wait(2)
        return whole

    size = scan(pairs, lambda whole: whole, room=10**9).decoded["disc_00"].bytes
    found = scan(pairs, prepare, room=3 * size)

    assert len(found.decoded) == 3
    assert len(kept) <= 3 + (os.cpu_count() or 1) + 4


def test_a_large_file_that_is_no_image_is_refused_without_being_read_whole(draw_discs, tmp_path):
    pairs = read_pairs(draw_discs(tmp_path / "discs", count=3))
    os.truncate(pairs.pairs[0].photo, 0)
    os.truncate(pairs.pairs[0].photo, 2**28)
    tracemalloc.start()

    with pytest.raises(BadInput, match="not an image"):
        scan(pairs)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**26


def test_what_the_scan_finds_is_what_each_would_find_alone(draw_discs, tiny_recipe, tmp_path):
    pairs = read_pairs(draw_discs(tmp_path / "discs", count=8))

    found = scan(pairs)

    assert found.digest == digest(pairs.pairs)
    alone = split(pairs.pairs, validation=0.25, seed=0)
    assert split(pairs.pairs, validation=0.25, seed=0, hashes=found.hashes) == alone
    assert not found.decoded


def test_pairs_decoded_by_the_scan_are_what_the_view_would_decode(draw_discs, tiny_recipe, tmp_path, monkeypatch):
    pairs = read_pairs(draw_discs(tmp_path / "discs", count=4))
    recipe = tiny_recipe()
    alone = TrainingView(pairs.pairs, 1, recipe)
    found = scan(pairs, lambda whole: at_stored_size(whole, recipe), room=10**9)
    monkeypatch.setattr("training.data.views.decode_pair", lambda *_: pytest.fail("decoded again"))

    ready = TrainingView(pairs.pairs, 1, recipe, decoded=found.decoded)

    for ticket in range(4):
        for own, other in zip(ready[ticket, 1.0], alone[ticket, 1.0], strict=True):
            assert own.equal(other)


def test_no_more_is_decoded_than_there_is_room_for(draw_discs, tiny_recipe, tmp_path):
    pairs = read_pairs(draw_discs(tmp_path / "discs", count=6))
    recipe = tiny_recipe()
    size = next(iter(scan(pairs, lambda whole: at_stored_size(whole, recipe), room=10**9).decoded.values())).bytes

    found = scan(pairs, lambda whole: at_stored_size(whole, recipe), room=2 * size)

    assert len(found.decoded) == 2
    assert len(TrainingView(pairs.pairs, 1, recipe, Bound(2 * size, 0), found.decoded)) >= 6
