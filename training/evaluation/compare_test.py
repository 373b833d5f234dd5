import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from training.__main__ import main
from training.evaluation.compare import comparison_table, describe_students, evaluate_runs, write_comparison
from training.evaluation.segmentation_metrics import SegmentationMetrics
from training.fit import fit
from training.run import Run
from training.student.errors import BadInput

CLASSES = ("sky", "road", "car")


def measured(candidate):
    """One photo: the upper half sky, the lower road."""
    reference = np.repeat(np.array([0, 1], np.uint8), 8)[:, None].repeat(16, axis=1)
    metrics = SegmentationMetrics(CLASSES)
    metrics.add("a", reference=reference, candidate=candidate(reference))
    return metrics


def test_the_best_of_each_row_stands_out_and_a_class_that_no_photo_shows_is_left_blank():
    lines = comparison_table(
        {"one": measured(lambda mask: mask), "other": measured(np.zeros_like)}, {"MB": ["3", "4"]}
    ).splitlines()

    assert lines[0] == "| 1 photos | one | other |"
    assert "| MB | 3 | 4 |" in lines
    assert "| IoU of sky | **1.0000** | 0.5000 |" in lines
    assert "| IoU of road | **1.0000** | 0.0000 |" in lines
    assert "| IoU of car |  |  |" in lines


def test_confusions_stand_beside_each_other(tmp_path):
    one = measured(lambda mask: mask)

    write_comparison({"one": one}, {}, tmp_path / "alone")
    write_comparison({"one": one, "other": one}, {}, tmp_path / "both")

    with Image.open(tmp_path / "alone" / "confusion.png") as alone, Image.open(tmp_path / "both/confusion.png") as both:
        assert both.size == (2 * alone.width, alone.height)


def test_a_folder_that_holds_anything_else_is_never_replaced(tmp_path):
    one = measured(lambda mask: mask)
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "mine.jpg").touch()
    (tmp_path / "file").touch()

    for folder in (photos, tmp_path / "file"):
        with pytest.raises(BadInput, match="is no comparison of ours; choose another folder with --out"):
            write_comparison({"one": one}, {}, folder)
    assert [path.name for path in photos.iterdir()] == ["mine.jpg"]

    for _ in range(2):
        write_comparison({"one": one}, {}, tmp_path / "again")


@pytest.mark.slow
def test_two_runs_are_held_side_by_side_by_one_command(discs, tiny_recipe, tmp_path):
    runs, students, told = [Run(tmp_path / name) for name in ("plain", "coarse")], [], []
    for run, stride in zip(runs, (2, 4), strict=True):
        students.append(fit(tiny_recipe("epochs=1", f"stride={stride}"), data=discs, run=run))
    folders = [str(run.folder) for run in runs]

    result = CliRunner().invoke(main, ["compare", *folders, "--out", str(tmp_path / "out")], catch_exceptions=False)

    assert result.exit_code == 0, result.output
    assert "| 4 photos | plain | coarse |" in result.output
    assert (tmp_path / "out" / "comparison.md").read_text().strip() in result.output
    assert not (tmp_path / "out" / "confusion.png").exists()

    found = evaluate_runs(runs, students, runs[0].held_out_pairs(), warn=told.append)
    assert comparison_table(found, describe_students(students)) in result.output
    assert told == []
    evaluate_runs(runs, students, discs, warn=told.append)
    assert told == [f"note: {name} learnt from 8 of these 12 photos" for name in ("plain", "coarse")]
