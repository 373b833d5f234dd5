import numpy as np
import pytest
from PIL import Image

from training.data.dropped import FILE
from training.fit import fit
from training.run import Run
from training.student.errors import BadInput
from training.teach import StudentVersusTeacher, TeacherConfig, agreeing_pairs, curated_pairs
from training.teacher.classical import Options
from training.teacher.phrases import parse_phrases
from training.teacher.teachers import TEACHERS


@pytest.fixture
def labelled(discs, tmp_path):
    """Discs as the classical teacher draws them, one of them badly."""
    (tmp_path / "photos").mkdir()
    for pair in discs.pairs:
        # Large enough not to be suspicious by themselves.
        Image.open(pair.photo).resize((384, 384)).save(tmp_path / "photos" / pair.photo.name)
    teacher = TeacherConfig(TEACHERS["classical"], Options(), parse_phrases(["disc"]))
    summary = teacher.label_folder(tmp_path / "photos", tmp_path / "labelled")
    assert summary.looked == 12
    mask = tmp_path / "labelled" / "masks" / "disc_03.png"
    Image.fromarray(np.roll(np.array(Image.open(mask)), 120, axis=(0, 1))).save(mask)
    return tmp_path / "labelled"


def test_a_mask_that_is_not_its_photo_s_is_dropped_with_a_reason(labelled):
    pairs = curated_pairs(labelled, 0.5)

    assert "disc_03" in pairs.dropped
    assert "disc_03" not in [pair.name for pair in pairs.pairs]
    assert len(pairs.pairs) >= 9
    assert "disc_03  # 0." in (labelled / FILE).read_text()


def test_a_list_that_is_there_is_somebody_s_choice(labelled):
    (labelled / FILE).write_text("disc_05\n")

    assert curated_pairs(labelled, 0.5).dropped == {"disc_05"}
    assert (labelled / FILE).read_text() == "disc_05\n"


def test_a_limit_that_leaves_nothing_is_refused(labelled):
    for mask in (labelled / "masks").iterdir():
        mask.unlink()

    with pytest.raises(BadInput):
        curated_pairs(labelled, 0.5)


@pytest.mark.parametrize(
    ("teacher", "student", "words"),
    [(0.8, 0.9, "beats its teacher (+0.1000)"), (0.9, 0.8, "does not beat its teacher (-0.1000)")],
)
def test_the_verdict_says_who_is_better(teacher, student, words):
    assert str(StudentVersusTeacher(7, teacher, student)).splitlines()[-1] == f"the student {words}"


@pytest.fixture(scope="module")
def taught(discs, tiny_recipe, tmp_path_factory):
    """A finished run, whose student knows discs."""
    run = Run(tmp_path_factory.mktemp("runs") / "taught")
    student = fit(tiny_recipe("epochs=8", "photos_per_epoch=32"), data=discs, run=run)
    assert student.facts["validation_iou"] > 0.85
    return run


@pytest.mark.slow
def test_what_both_teachers_say_is_learnt_beside_what_the_second_learnt_from(taught, discs, draw_discs, tmp_path):
    photos = draw_discs(tmp_path / "discs", count=4)
    wrong = photos / "masks" / "disc_01.png"
    Image.fromarray(255 - np.array(Image.open(wrong))).save(wrong)
    entry = TEACHERS["masks"]
    teacher = TeacherConfig(entry, entry.options().model_validate({"from": str(photos)}), parse_phrases(["disc"]))
    teacher.label_folder(photos, tmp_path / "labelled" / "discs-masks")

    summary, pairs = agreeing_pairs(teacher, tmp_path / "labelled" / "discs-masks", photos, taught, "mirror")

    assert (summary.looked, summary.undecided) == (4, 1)
    assert [folder.name for folder in pairs.folders] == ["discs-agreement", "discs"]
    assert pairs.classes == ("disc",)
    own = [pair for pair in pairs.pairs if pair.folder == pairs.folder]
    assert [pair.name[-7:] for pair in own] == ["disc_00", "disc_02", "disc_03"]
    assert len(pairs.pairs) == 3 + len(discs.pairs)
    mask = own[0].read_mask((96, 96), 1)
    assert set(np.unique(mask)) == {0, 1, 255}
    assert np.mean(mask == 255) < 0.1
