import numpy as np
import pytest
from PIL import Image

from training.data.dropped import FILE
from training.data.pairs import read_pairs
from training.student.errors import BadInput
from training.teacher import sources
from training.teacher.job import label_photos
from training.teacher.labelled_folder import LabelledFolder
from training.teacher.phrases import parse_phrases
from training.teacher.teachers import TEACHERS

SIZE = (20, 30)


def rectangle(left, right=20, value=255):
    mask = np.zeros(SIZE, np.uint8)
    mask[5:15, left:right] = value
    return mask


@pytest.fixture
def labelled(tmp_path):
    """A folder as `label` makes it, from masks by name; of photos in tmp_path/photos."""

    def make(name, masks, *phrases):
        for file, mask in masks.items():
            for kind, image in (("photos", np.zeros((*SIZE, 3), np.uint8)), (f"drawn-{name}", mask)):
                (tmp_path / kind).mkdir(exist_ok=True)
                Image.fromarray(image).save(tmp_path / kind / f"{file}.png")
        return draw("masks", tmp_path / name, *phrases, **{"from": str(tmp_path / f"drawn-{name}")})

    def draw(teacher, to, *phrases, **options):
        entry, asked = TEACHERS[teacher], parse_phrases(phrases or ["coin"])
        chosen = entry.build(entry.options().model_validate(options), asked, None, "auto")
        label_photos(sources.find_photos(tmp_path / "photos"), chosen, LabelledFolder(to))
        return to

    def agree(one, other, *phrases, **options):
        return draw("agreement", tmp_path / "agreed", *phrases, of=(str(one), str(other)), **options)

    make.agree = agree
    return make


def found_in(folder):
    return {pair.name: pair.read_mask(SIZE, len(read_pairs(folder).classes)) for pair in read_pairs(folder).pairs}


def test_where_two_teachers_differ_nobody_judged(labelled):
    one = labelled("one", {"a": rectangle(10), "b": rectangle(10, 10)})
    other = labelled("other", {"a": rectangle(12), "b": rectangle(10, 10)})

    agreed = labelled.agree(one, other)

    found = found_in(agreed)
    assert np.array_equal(found["a"], rectangle(12, value=1) + rectangle(10, 12))
    assert not found["b"].any()
    about = LabelledFolder(agreed).sidecar("a")
    assert about.score == pytest.approx(0.8)
    assert [instance.box for instance in about.instances] == [(12, 5, 20, 15)]


def test_photos_on_which_they_hardly_agree_are_left_out(labelled):
    one = labelled("one", {"a": rectangle(10), "b": rectangle(10), "c": rectangle(10)})
    other = labelled("other", {"a": rectangle(16), "b": rectangle(11), "c": rectangle(0, 0)})

    agreed = labelled.agree(one, other)

    assert list(found_in(agreed)) == ["b"]
    assert LabelledFolder(agreed).sidecar("a").undecided
    assert list(found_in(labelled.agree(one, other, least=0.0))) == ["a", "b"]  # not even a pixel of c is agreed on


def test_what_either_dropped_is_left_out_and_a_mended_mask_counts(labelled):
    one = labelled("one", {"a": rectangle(10), "b": rectangle(10)})
    other = labelled("other", {"a": rectangle(10), "b": rectangle(10)})
    assert list(found_in(labelled.agree(one, other))) == ["a", "b"]

    (other / FILE).write_text("a\n")
    Image.fromarray(rectangle(11)).save(one / "masks" / "b.png")

    assert np.count_nonzero(found_in(labelled.agree(one, other))["b"] == 255) == 10


def test_classes_agree_pixel_by_pixel(labelled):
    one = labelled("one", {"a": rectangle(10, value=1)}, "coin", "note")
    mixed = rectangle(10, value=1)
    mixed[14] *= 2
    mixed[:2] = 255
    other = labelled("other", {"a": mixed}, "coin", "note")

    found = found_in(labelled.agree(one, other, "coin", "note", least=0.5))["a"]

    assert (found[:2] == 255).all()
    assert (found[14, 10:20] == 255).all()
    assert (found[5:14, 10:20] == 1).all()


def test_folders_that_cannot_be_held_together_are_refused(labelled, discs, tmp_path):
    one = labelled("one", {"a": rectangle(10)})

    with pytest.raises(BadInput, match="has no sidecars; make it with"):
        labelled.agree(one, discs.folder)
    with pytest.raises(BadInput, match="has the classes coin, these phrases make background, coin, note"):
        labelled.agree(one, one, "coin", "note")
    with pytest.raises(BadInput, match="does not exist"):
        labelled.agree(one, tmp_path / "gone")
