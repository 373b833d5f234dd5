import numpy as np
import pytest
from PIL import Image

from training.student.errors import BadInput
from training.teacher.imported_masks import Options, build
from training.teacher.phrases import parse_phrases

PHOTO = np.zeros((4, 6, 3), np.uint8)


def drawn(folder, file="a.png", values=255, size=(4, 6)):
    mask = np.zeros(size, np.uint8)
    mask[1:3, 2:5] = values
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(folder / file)
    return mask


def teacher(folder, *phrases, weights=None):
    return build(Options.model_validate({"from": str(folder)}), parse_phrases(phrases or ["coin"]), weights, "auto")


def decided(folder, file="a.jpg", *phrases):
    one = teacher(folder, *phrases).of(file)
    return one.decide(one.look([PHOTO])[0])


def test_a_mask_is_taken_as_it_is_with_a_box_around_it(tmp_path):
    mask = drawn(tmp_path)

    found = decided(tmp_path)

    assert np.array_equal(found.mask, mask // 255)
    assert [instance.box for instance in found.instances] == [(2, 1, 5, 3)]
    assert found.score is None


def test_an_empty_mask_has_no_instance(tmp_path):
    drawn(tmp_path, values=0)

    assert decided(tmp_path).instances == ()


def test_several_phrases_are_class_indices_and_255_is_kept(tmp_path):
    mask = drawn(tmp_path, values=[[1, 2, 255]])

    found = decided(tmp_path, "a.jpg", "coin", "note")

    assert np.array_equal(found.mask, mask)
    assert [instance.phrase for instance in found.instances] == [0, 1]


def test_what_nobody_judged_of_one_class_is_kept_and_alone_is_no_pair(tmp_path):
    drawn(tmp_path, values=[[255, 128, 255]])
    drawn(tmp_path, "b.png", values=128)

    found, open_ = decided(tmp_path), decided(tmp_path, "b.jpg")

    assert found.mask[1].tolist() == [0, 0, 1, 255, 1, 0]
    assert (found.undecided, open_.undecided) == (False, True)


def test_a_mask_is_found_by_the_photo_s_path_however_its_accents_are_spelt(tmp_path):
    drawn(tmp_path / "masks", "june/cafe\u0301.PNG")

    assert decided(tmp_path, "june/caf\u00e9.jpeg").mask.any()


def test_another_mask_is_noticed_by_its_weights(tmp_path):
    drawn(tmp_path)
    before = teacher(tmp_path).of("a.jpg").weights
    drawn(tmp_path, values=0)

    assert before.keys() == teacher(tmp_path).of("a.jpg").weights.keys() == {"a.png"}
    assert before != teacher(tmp_path).of("a.jpg").weights


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"file": "b.png"}, "a.jpg has no mask a.png in"),
        ({"size": (6, 4)}, "6 × 4 pixels .* EXIF orientation"),
        ({"values": 7}, "values 0, 7, expected only 0 and 255"),
    ],
)
def test_a_mask_that_does_not_fit_its_photo_is_refused(tmp_path, options, message):
    drawn(tmp_path, **options)

    with pytest.raises(BadInput, match=message):
        decided(tmp_path)


def test_masks_whose_indices_mean_something_else_are_refused(tmp_path):
    drawn(tmp_path / "masks", values=1)
    (tmp_path / "classes.txt").write_text("background\nnote\ncoin\n")

    assert teacher(tmp_path, "note", "coin").of("a.jpg")
    for phrases in (["coin", "note"], ["coin"]):
        with pytest.raises(BadInput, match=r"are of background, note, coin, .*as --phrase note --phrase coin"):
            teacher(tmp_path / "masks", *phrases)


def test_a_folder_without_masks_is_refused(tmp_path):
    (tmp_path / "a.jpg").touch()

    with pytest.raises(BadInput, match=r"holds no \.png masks"):
        teacher(tmp_path)
    with pytest.raises(BadInput, match=r"from=.*gone is not a folder"):
        teacher(tmp_path / "gone")
    with pytest.raises(BadInput, match="masks takes no --weights"):
        teacher(tmp_path, weights="folder")
