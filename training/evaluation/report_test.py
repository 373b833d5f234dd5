import csv
import json

import numpy as np
import pytest
from PIL import Image

from training.data.pairs import Pairs, read_pairs
from training.evaluation import report
from training.evaluation.evaluate import evaluate, pairs_with_human_masks
from training.evaluation.mean_iou import measure_network_iou
from training.evaluation.mean_iou_test import always
from training.student.errors import BadInput


def reported(checkpoint, data, people=None, robustness=False, worst=3):
    found = evaluate(checkpoint, data.pairs, people or {}, robustness=robustness, worst=worst)
    return report.summarise("mobile on <discs>", found)


@pytest.fixture
def drawn_by_people(discs, tmp_path):
    """Masks of the first four photos; of the first, exactly what the teacher drew."""
    folder = tmp_path / "people"
    folder.mkdir()
    for number, pair in enumerate(discs.pairs[:4]):
        mask = np.roll(np.asarray(Image.open(pair.mask)), 3 * number, axis=1)
        Image.fromarray(mask).save(folder / f"{pair.name}.png")
    return folder


@pytest.fixture
def street(tmp_path):
    for part in ("photos", "masks"):
        (tmp_path / "street" / part).mkdir(parents=True)
    (tmp_path / "street" / "classes.txt").write_text("sky\nroad\ncar\n")
    for name, roads in (("a", 10), ("b", 20)):
        mask = np.zeros((40, 50), np.uint8)
        mask[-roads:] = 1
        mask[:5] = 255
        Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(tmp_path / "street" / "photos" / f"{name}.png")
        Image.fromarray(mask).save(tmp_path / "street" / "masks" / f"{name}.png")
    return read_pairs(tmp_path / "street")


def test_the_mean_is_what_the_short_way_finds(discs, street):
    for checkpoint, data in ((always(1.0), discs), (always(1.0, 0.0, 0.0, classes=street.classes), street)):
        short = measure_network_iou(checkpoint.student, checkpoint.contract, data)

        assert reported(checkpoint, data).mean.value == pytest.approx(short.mean)


def test_people_judge_the_student_and_its_teacher_on_the_photos_they_drew(discs, drawn_by_people):
    people = pairs_with_human_masks(drawn_by_people, discs.pairs, discs.classes)

    found = reported(always(1.0), discs, people).against

    assert {key: len(each.rows) for key, each in found.items()} == {"teacher": 12, "people": 4, "teacher_by_people": 4}
    agreement = [row.iou for row in found["teacher_by_people"].rows]
    assert agreement == sorted(agreement, reverse=True)
    assert agreement[0] == 1 > agreement[-1]


def test_people_s_masks_of_other_photos_are_refused(discs, tmp_path):
    with pytest.raises(BadInput, match=r"holds no mask of any of the 12 photos; expected such as disc_00\.png"):
        pairs_with_human_masks(tmp_path, discs.pairs, discs.classes)


def test_the_folder_holds_every_figure_in_json_and_every_photo_in_csv(discs, drawn_by_people, tmp_path):
    people = pairs_with_human_masks(drawn_by_people, discs.pairs, discs.classes)
    found = reported(always(1.0), discs, people)

    report.write_evaluation(found, tmp_path / "run" / "evaluation")
    report.write_evaluation(found, tmp_path / "run" / "evaluation")

    folder = tmp_path / "run" / "evaluation"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["evaluation"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "evaluation.html",
        "evaluation.json",
        "figures.png",
        "photos.csv",
        "worst.png",
    ]
    record = json.loads((folder / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert record["against"]["teacher"]["measures"]["iou"]["value"] == pytest.approx(found.mean.value)
    assert len(record["worst"]) == 3
    with (folder / "photos.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert np.mean([float(row["iou"]) for row in rows]) == pytest.approx(found.mean.value)
    assert [bool(row["iou by people"]) for row in rows] == [True] * 4 + [False] * 8
    page = (folder / "evaluation.html").read_text()
    assert "mobile on &lt;discs&gt;" in page
    assert page.count("<img") == 2
    assert page.count("<h2>") == 5


def test_several_classes_have_a_line_each_and_a_confusion_matrix(street, tmp_path):
    found = reported(always(1.0, 0.0, 0.0, classes=street.classes), street)

    report.write_evaluation(found, tmp_path / "evaluation")

    lines = "\n".join(found.lines())
    assert "sky                   IoU 0.5714" in lines
    assert "car                   IoU none" in lines
    assert (tmp_path / "evaluation" / "confusion.png").is_file()
    record = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text(), parse_constant=pytest.fail)
    assert record["against"]["teacher"]["by_class"]["car"]["iou"]["value"] is None


def test_robustness_has_a_line_a_condition_and_a_verdict(discs, tmp_path):
    few = Pairs(discs.folder, discs.classes, discs.pairs[:3])
    found = reported(always(1.0), few, robustness=True, worst=0)

    report.write_evaluation(found, tmp_path / "evaluation")

    *_, dark, _, _, verdict = found.lines()
    assert "dark" in dark
    assert dark.endswith("+0.0000")
    assert verdict.startswith("Phones' resizers cost at most 0.0000 IoU")
    assert "turned 15° left" in (tmp_path / "evaluation" / "evaluation.html").read_text()
    assert not (tmp_path / "evaluation" / "worst.png").exists()
