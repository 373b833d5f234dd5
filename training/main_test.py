import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from training.__main__ import main
from training.data.pairs import read_pairs
from training.run import Run

PHRASED = ("--phrase", "disc", "--data", "discs")
MASKS = ("--teacher", "masks", "from=discs")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Calls `python -m training` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(found, message):
    """Whether a command ended as bad input does: its code, one line, nothing on standard output."""
    assert found.exit_code == 2
    assert found.stdout == ""
    assert found.stderr.startswith("error: ")
    assert found.stderr.count("\n") == 1
    assert message in found.stderr
    return True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("labl",), "No such command 'labl'"),
        (("label", "discs/photos", *MASKS[:2]), "Missing option '--phrase'; see main label --help"),
        (
            ("compare-teachers", "--track", "excel"),
            "'excel' is not one of 'tensorboard', 'mlflow', 'wandb'; see main compare-t",
        ),
        (("fit", "mobil"), "no recipe 'mobil'; expected one of coins, large, mobile"),
        (("fit", "mobile", "--data", "gone"), "gone does not exist; a folder of pairs holds photos/NAME.jpg"),
        (("fit", "mobile", "--data", "a_file"), "a_file is not a folder"),
        (("fit", "mobile", "epoch=3"), "unknown recipe key 'epoch' in"),
        (("fit", "mobile", "epochs"), "override 'epochs' is not of the form key=value"),
        (("fit", "mobile", "epochs=many"), "epochs='many': Input should be a valid integer"),
        (("label", "gone", "--phrase", "disc", *MASKS), "gone does not exist; expected a folder of .jpg"),
        (
            ("label", "discs/photos", "--phrase", "disc", "--teacher", "mask"),
            "no teacher 'mask'; expected one of groun",
        ),
        (("label", "discs/photos", "--phrase", "disc", *MASKS[:2]), "masks KEY=VALUE: from is missing; add from=…"),
        (("label", "discs/photos", "--phrase", "disc", *MASKS, "form=x"), "unknown masks key 'form'"),
        (("label", "discs/photos", "--phrase", "disc", *MASKS, "--settings", "gone.yaml"), "cannot read gone.yaml"),
        (("label", "discs/photos", "--phrase", "", *MASKS), "phrase '' is not of the form"),
        (("label", "discs/photos", "--phrase", "disc", *MASKS, "--shard", "0/2"), "shard '0/2' is not of the form i/n"),
        (("label", "discs/photos", "--phrase", "disc", *MASKS, "--out", "discs"), "the photos lie in discs"),
        (("label", "discs/photos", "--phrase", "disc", *MASKS, "--out", "discs/masks"), "masks is not empty and was"),
        (("tune", "classic", *PHRASED), "no teacher 'classic'; expected one of groun"),
        (("tune", "classical", "clahee=1", *PHRASED), "unknown classical key 'clahee'"),
        (
            ("tune", "classical", *PHRASED, "--phrase", "x"),
            "discs has the classes foreground, these phrases make backgr",
        ),
        (
            ("tune", "classical", *PHRASED, "--half", "both", "--out", "x"),
            "finds two sets of settings, --out takes one",
        ),
        (("compare-teachers", "--teachers", "classic", *PHRASED), "no teacher 'classic'; expected one of groun"),
        (("compare-teachers", "--teachers", "classical", *PHRASED[:2], "--data", "gone"), "gone does not exist"),
        (("teach", "mobil", "discs/photos", *PHRASED), "no recipe 'mobil'"),
        (("teach", "mobile", "gone", *PHRASED), "gone does not exist; expected a folder of .jpg"),
        (("teach", "mobile", "discs/photos", *PHRASED, "--phrase", "x"), "discs has the classes foreground, these phr"),
        (("evaluate", "gone", "--data", "discs"), "no checkpoint at gone/student.safetensors; train one with"),
        (("evaluate", "a_file", "--data", "discs"), "no checkpoint at a_file/student.safetensors"),
        (("evaluate", "gone"), "no checkpoint at gone/student.safetensors"),
        (("baseline", "mobile", "--data", "gone"), "gone does not exist"),
        (("baseline", "mobile", "stride=3", "--data", "discs"), "stride 3 is unknown; expected one of 1, 2, 4"),
        (("bench", "mobile", "batch=1", "--data", "discs"), "batch=1: Input should be greater than or equal to 2"),
        (("render", "discs"), "discs is not empty"),
        (("render", "a_file"), "cannot render into a_file"),
    ],
)
def test_bad_input_is_told_in_one_line_and_nothing_is_written(call, tmp_path, draw_discs, arguments, message):
    draw_discs(tmp_path / "discs", count=2)
    (tmp_path / "a_file").touch()
    before = sorted(tmp_path.rglob("*"))

    assert refused(call(*arguments), message)

    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("fit",),
        ("label", "discs", "--teacher", "masks"),
        ("label", "discs", "--phrase", "disc"),
        ("evaluate",),
        ("render", "x", "--count", "0"),
        ("render", "x", "y"),
    ],
)
def test_a_wrong_call_is_2_as_well(call, arguments):
    assert call(*arguments).exit_code == 2


def test_a_run_is_made_and_found_finished_and_judged(call, discs, tiny, tmp_path):
    arguments = ("fit", "mobile", *tiny, "epochs=1", "--data", discs.folder)

    first, second = call(*arguments), call(*arguments)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.splitlines()[-1] == second.stdout.splitlines()[-1]
    assert second.stdout.startswith("runs/mobile-discs/student.safetensors: validation IoU 0.")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]

    judged = call("evaluate", "runs/mobile-discs", "--data", discs.folder, "--worst", 2)

    assert judged.exit_code == 0
    lowest, second_lowest, files, mean = judged.stdout.splitlines()[-4:]
    assert lowest.split()[0] <= second_lowest.split()[0]
    assert files == "runs/mobile-discs/evaluation-discs: evaluation.html, evaluation.json, photos.csv, pictures"
    assert mean.startswith("mean IoU 0.")
    assert mean.endswith(f"over 12 photos of {discs.folder}")
    assert judged.stderr.endswith("note: 8 of these 12 photos were learnt from; leave --data out\n")

    held_out = call("evaluate", "runs/mobile-discs")

    assert held_out.stdout.endswith(f"over 4 photos of {discs.folder}\n")
    assert (tmp_path / "runs" / "mobile-discs" / "evaluation-held-out" / "photos.csv").read_text().count("\n") == 5


def test_photos_are_labelled_and_counted_and_a_second_time_left_alone(call, draw_discs, tmp_path):
    draw_discs(tmp_path / "discs")
    (tmp_path / "discs" / "photos" / "bad.jpg").touch()
    arguments = ("label", "discs/photos", "--phrase", "disc", *MASKS)

    first, second = call(*arguments), call(*arguments)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.splitlines() == [
        "labelled/photos-masks: 12 of 13 photos labelled, 0 show nothing",
        "  12 looked at, 0 decided from cached findings, 0 unchanged",
        "  1 skipped, named above: 1 unusable",
    ]
    assert "  0 looked at, 0 decided from cached findings, 12 unchanged" in second.stdout
    assert "skipped: bad.jpg has no mask bad.png in discs" in first.stderr
    assert [pair.name for pair in read_pairs(tmp_path / "labelled" / "photos-masks").pairs][:2] == [
        "disc_00",
        "disc_01",
    ]


def test_every_process_of_torchrun_labels_its_own_share(call, draw_discs, tmp_path, monkeypatch):
    draw_discs(tmp_path / "discs")
    monkeypatch.setenv("WORLD_SIZE", "2")
    found = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        found.append(call("label", "discs/photos", "--phrase", "disc", *MASKS).stdout)

    assert "photos of share 1/2 labelled" in found[0]
    assert "photos of share 2/2 labelled" in found[1]
    assert len(read_pairs(tmp_path / "labelled" / "photos-masks").pairs) == 12
    whole = call("label", "discs/photos", "--phrase", "disc", *MASKS, "--shard", "1/1")
    assert "12 unchanged" in whole.stdout


def test_knobs_are_tuned_on_either_half_or_on_all_and_kept(call, discs, tmp_path):
    arguments = ("tune", "classical", "shape=ellipse", "--phrase", "disc", "--data", discs.folder, "--trials", 2)

    both, whole = call(*arguments, "--half", "both"), call(*arguments, "--out", "discs.yaml")

    assert (both.exit_code, whole.exit_code) == (0, 0)
    assert [line.split("  ")[0] for line in both.stdout.splitlines()] == ["tuned on", "others", "tuned on", "others"]
    assert whole.stdout.endswith("over 12 photos\n")
    assert "shape: ellipse" in (tmp_path / "discs.yaml").read_text()


def test_teachers_are_compared_and_those_without_weights_left_out(call, discs, tmp_path):
    arguments = ("compare-teachers", "--phrase", "disc", "--data", discs.folder, "--weights", "sam3=nowhere")

    found = call(*arguments, "--teachers", "sam3,classical")
    none = call(*arguments, "--teachers", "sam3")

    assert found.exit_code == 0
    assert found.stderr.startswith("sam3 is left out: ")
    assert found.stderr.count("\n") == 1
    header, row, files = found.stdout.splitlines()
    assert header.split() == ["teacher", "IoU", "dice", "boundary", "ms", "photos/s"]
    assert row.startswith("classical  0.")
    assert files == "compared/discs: teachers.csv, photos.csv, figures.png, worst.png"
    assert none.exit_code == 2
    assert none.stderr.endswith("error: no teacher was left to compare; see above\n")


def test_photos_alone_become_a_student_held_against_its_teacher(call, discs, tiny, tmp_path):
    photos = discs.folder / "photos"
    arguments = ("teach", "mobile", photos, *tiny, "epochs=1", "--phrase", "disc", "--data", discs.folder)
    # Photos this small are all suspicious.
    arguments += ("--drop-above", 1)

    first, second = call(*arguments), call(*arguments)

    assert (first.exit_code, second.exit_code) == (0, 0)
    *_, run, teacher, student, verdict = first.stdout.splitlines()
    assert "\nlabelled/photos-classical: 0 of 12 masks dropped\n" in first.stdout
    assert run.startswith("runs/mobile-photos/student.safetensors: validation IoU 0.")
    assert teacher.startswith("teacher IoU 0.9")
    assert teacher.endswith("over 12 photos")
    gain = float(student.split()[-1]) - float(teacher.split()[2])
    assert verdict.startswith("the student beats" if gain > 0 else "the student does not beat its teacher (-0.")
    # Nothing is drawn or learnt again, and the list of what was dropped is left as it is.
    assert second.stdout.splitlines()[-4:] == [run, teacher, student, verdict]
    assert "0 looked at, 0 decided from cached findings, 12 unchanged" in second.stdout


@pytest.mark.parametrize(
    ("before", "message"),
    [("run.json", "run.json is not JSON"), ("thesis.tex", "exists and is no run of ours; choose another folder")],
)
def test_a_folder_that_holds_something_else_is_left_as_it_was(call, discs, tiny, tmp_path, before, message):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / before).write_text("mine")

    assert refused(call("fit", "mobile", *tiny, "--data", discs.folder, "--run", "run"), message)

    assert [(path.name, path.read_text()) for path in (tmp_path / "run").iterdir()] == [(before, "mine")]


def test_ctrl_c_says_how_to_go_on(call, discs, tiny, tmp_path):
    run, ended = Run(tmp_path / "run"), threading.Event()

    def interrupt_after_an_epoch():
        while not ended.wait(0.2):
            if run.state.exists():
                os.kill(os.getpid(), signal.SIGINT)
                ended.wait(5)

    watch = threading.Thread(target=interrupt_after_an_epoch)
    watch.start()
    try:
        found = call("fit", "mobile", *tiny, "epochs=500", "patience=500", "--data", discs.folder, "--run", run.folder)
    finally:
        ended.set()
        watch.join()

    assert found.exit_code == 130
    assert found.stderr.endswith("interrupted; the same command goes on from the last whole step\n")
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "curves.png",
        "last.json",
        "last.safetensors",
        "metrics.csv",
        "run.json",
        "state.safetensors",
        "student.json",
        "student.safetensors",
    ]


def test_the_shell_sees_the_code_and_one_line():
    found = subprocess.run(
        [sys.executable, "-m", "training", "render", "training"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr.startswith("error: training is not empty")
    assert found.stderr.count("\n") == 1
