import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from training.__main__ import main
from training.data.photos import read_mask
from training.student.errors import BadInput
from training.student.metrics import photo_boundary_iou, photo_iou
from training.teacher import comparison_report
from training.teacher.comparison import evaluate_teacher, evaluate_teachers, parse_teachers
from training.teacher.phrases import parse_phrases

DISC = parse_phrases(["disc"])


@pytest.fixture
def masks(discs, tmp_path):
    """Writes settings of the teacher `masks` that takes those of the discs, moved by so many columns."""

    def write(columns):
        folder = tmp_path / f"moved_{columns}"
        folder.mkdir()
        for pair in discs.pairs:
            mask = np.roll(np.array(Image.open(pair.mask)), columns, axis=1)
            Image.fromarray(mask).save(folder / pair.mask.name)
        path = tmp_path / f"moved_{columns}.yaml"
        path.write_text(f"from: {folder}\n")
        return path

    return write


def compared(discs, given, **options):
    options = {"device": "cpu", "batch": 5, "worst": 3} | options
    return [evaluate_teacher(contender, discs.pairs, DISC, **options) for contender in parse_teachers(given)]


def test_each_photo_is_held_against_its_own_mask(discs, masks):
    right, moved = compared(discs, f"masks:{masks(0)},masks:{masks(6)}")

    assert [row.photo for row in right.rows] == [row.photo for row in moved.rows] == [p.name for p in discs.pairs]
    assert right.means()["iou"] == right.means()["dice"] == right.means()["boundary_iou"] == 1
    reference = read_mask(discs.pairs[0].mask, size=(96, 96), classes=1)
    shifted = np.roll(reference, 6, axis=1)
    assert moved.rows[0].iou == photo_iou(reference=reference, candidate=shifted, classes=1)
    assert moved.rows[0].boundary_iou == photo_boundary_iou(reference=reference, candidate=shifted, classes=1)
    assert moved.rows[0].boundary_iou < moved.rows[0].iou < moved.rows[0].dice < 1


def test_the_worst_are_kept_worst_first_with_the_masks_that_were_drawn(discs):
    (found,) = compared(discs, "classical")

    lowest = sorted(row.iou for row in found.rows)[:3]
    assert [failure.iou for failure in found.worst] == lowest
    for failure in found.worst:
        reference = read_mask(failure.pair.mask, size=(96, 96), classes=1)
        assert photo_iou(reference=reference, candidate=failure.mask, classes=1) == failure.iou


@pytest.mark.parametrize("batch", [1, 12, 50])
def test_batches_do_not_change_what_is_found(discs, batch):
    assert compared(discs, "classical", batch=batch)[0].rows == compared(discs, "classical")[0].rows


def test_what_is_written_says_what_was_measured(discs, masks, tmp_path):
    results = compared(discs, f"classical,masks:{masks(6)}")

    comparison_report.write_report(results, tmp_path / "out", discs.classes)

    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "teachers.csv",
        "photos.csv",
        "figures.png",
        "worst.png",
    }
    with (tmp_path / "out" / "photos.csv").open() as file:
        photos = list(csv.DictReader(file))
    with (tmp_path / "out" / "teachers.csv").open() as file:
        teachers = list(csv.DictReader(file))
    assert len(photos) == 24
    for teacher, result in zip(teachers, results, strict=True):
        mine = [float(row["iou"]) for row in photos if row["teacher"] == teacher["teacher"]]
        assert float(teacher["iou"]) == pytest.approx(np.mean(mine)) == pytest.approx(result.means()["iou"])
        assert int(teacher["photos"]) == 12
    best, other = sorted(results, key=lambda result: -result.means()["iou"])
    lines = comparison_report.format_table(results).splitlines()
    assert lines[1].startswith(best.teacher)
    assert f"{other.means()['iou']:.4f}" in lines[2]


@pytest.mark.filterwarnings("ignore")  # TensorBoard's own
def test_one_command_compares_teachers_with_weights_and_without(discs, saved, tmp_path):
    pytest.importorskip("tensorboard", reason="trackers are optional: make install-trackers")
    for role, kind in (("detector", "grounding-dino"), ("segmenter", "sam")):
        (tmp_path / "grounded" / role).parent.mkdir(exist_ok=True)
        (tmp_path / "grounded" / role).symlink_to(Path(saved(kind)).resolve())
    (tmp_path / "tiny.yaml").write_text("floor: 0\nthreshold: 0\nconsistency: 0\nmost: 3\n")
    given = f"classical,clipseg,grounded-sam:{tmp_path / 'tiny.yaml'}"
    weights = [f"--weights=clipseg={saved('clipseg')}", f"--weights=grounded-sam={tmp_path / 'grounded'}"]
    out = tmp_path / "out"

    wanted = ["--teachers", given, "--data", str(discs.folder), "--phrase", "coin", *weights, "--worst", "3"]
    result = CliRunner().invoke(
        main,
        ["compare-teachers", *wanted, "--out", str(out), "--track", "tensorboard", "--device", "cpu"],
        catch_exceptions=False,
    )

    assert result.exit_code == 0, result.output
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["teacher", "IoU", "dice", "boundary", "ms", "photos/s"]
    shown = {line.split()[0]: [float(value) for value in line.split()[1:]] for line in lines[:-1]}
    assert shown.keys() == {"classical", "clipseg", "grounded-sam:tiny"}
    assert lines[0].startswith("classical"), "which draws discs; the others' weights are random"
    assert all(0 <= share <= 1 for values in shown.values() for share in values[:3])
    assert all(milliseconds > 0 and rate > 0 for *_, milliseconds, rate in shown.values())
    with (out / "teachers.csv").open() as file:
        order = [row["teacher"] for row in csv.DictReader(file)]
    with (out / "photos.csv").open() as file:
        assert [row["teacher"] for row in csv.DictReader(file)] == [name for name in order for _ in discs.pairs]
    assert {path.name for path in (out / "tensorboard").iterdir()} == {"classical", "clipseg", "grounded-sam-tiny"}
    for picture in ("figures.png", "worst.png"):
        with Image.open(out / picture) as image:
            image.load()


def test_the_sheet_shows_the_reference_and_the_teacher_s_mask(discs, masks, tmp_path):
    results = compared(discs, f"masks:{masks(20)}", worst=1)

    comparison_report.write_report(results, tmp_path, discs.classes)

    pixels = np.asarray(Image.open(tmp_path / "worst.png").convert("RGB")).astype(int)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    assert ((red > 200) & (green < 60)).sum() > 100
    assert ((blue > 150) & (red < 60)).sum() > 100


@pytest.mark.parametrize(
    ("given", "weights", "message"),
    [
        ("classical,clipsegg", [], "no teacher 'clipsegg'"),
        ("classical:gone.yaml", [], r"cannot read gone\.yaml"),
        ("classical,classical", [], "names classical more than once"),
        ("classical", ["sam3=here"], "names sam3, which --teachers does not name"),
        ("classical", ["here"], "not of the form TEACHER=FOLDER"),
    ],
)
def test_teachers_that_make_no_sense_are_refused(given, weights, message):
    with pytest.raises(BadInput, match=message):
        parse_teachers(given, weights)


def test_a_teacher_that_needs_settings_or_weights_says_how_this_command_takes_them(discs, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))

    with pytest.raises(BadInput, match=r"from is missing; add from=… in FILE\.yaml, as --teachers masks:FILE\.yaml$"):
        parse_teachers("masks")
    with pytest.raises(BadInput, match=r"say model=FOLDER in FILE\.yaml, as --teachers clipseg:FILE\.yaml$"):
        compared(discs, "clipseg")


def test_a_teacher_that_cannot_run_is_told_and_left_out(discs, masks, tmp_path):
    (tmp_path / "gone.yaml").write_text(f"from: {tmp_path / 'gone'}\n")
    specs, told = parse_teachers(f"masks:{tmp_path / 'gone.yaml'},masks:{masks(0)}"), []

    found = evaluate_teachers(specs, discs.pairs, DISC, device="cpu", batch=5, worst=0, warn=told.append)

    assert [result.teacher for result in found] == ["masks:moved_0"]
    assert len(told) == 1
    assert told[0].startswith("masks:gone is left out: ")
    with pytest.raises(BadInput, match="no teacher was left"):
        evaluate_teachers(specs[:1], discs.pairs, DISC, device="cpu", batch=5, worst=0, warn=told.append)
