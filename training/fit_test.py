import csv
import json
import os
import signal

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from PIL import Image
from safetensors.torch import save_file

from training.data.pairs import Pairs, read_pairs
from training.evaluation.mean_iou import measure_iou
from training.fit import FROM_SCRATCH, fit
from training.recipe import read_recipe
from training.run import Run
from training.student import encoders
from training.student.checkpoint import load_checkpoint
from training.student.errors import BadInput

RESULTS = ("student.safetensors", "student.json", "last.safetensors", "last.json", "metrics.csv", "curves.png")


def results(run):
    return {name: (run.folder / name).read_bytes() for name in RESULTS}


def rows(run):
    return list(csv.DictReader(run.metrics.read_text().splitlines()))


@pytest.fixture(scope="module")
def whole(discs, tiny_recipe, tmp_path_factory):
    """A training that nothing disturbed."""
    run = Run(tmp_path_factory.mktemp("runs") / "whole")
    fit(tiny_recipe(), data=discs, run=run)
    return run


def test_a_run_leaves_its_student_its_figures_and_their_picture(whole, discs, tiny_recipe):
    assert sorted(path.name for path in whole.folder.iterdir()) == sorted(["run.json", *RESULTS])
    found = rows(whole)
    assert [row["epoch"] for row in found] == ["1", "2", "3"]
    assert list(found[0]) == ["epoch", "loss", "iou", "learning_rate"]
    assert float(found[-1]["loss"]) < float(found[0]["loss"])
    assert float(found[-1]["learning_rate"]) < float(found[0]["learning_rate"])
    with Image.open(whole.curves) as picture:
        assert picture.format == "PNG"
    record = json.loads(whole.record.read_text())
    assert record["recipe"] == tiny_recipe().model_dump(mode="json")
    assert len(record["train"]) == 8
    assert len(record["validation"]) == 4


def test_the_student_kept_is_that_of_the_best_epoch(whole, discs, tiny_recipe):
    checkpoint = fit(tiny_recipe(), data=discs, run=whole)

    best = max(rows(whole), key=lambda row: float(row["iou"]))
    assert checkpoint.facts["epoch"] == int(best["epoch"])
    assert checkpoint.facts["validation_iou"] == float(best["iou"])
    held_out = Pairs(discs.folder, discs.classes, tuple(whole.held_out()))
    assert measure_iou(checkpoint, held_out).mean == pytest.approx(float(best["iou"]), abs=1e-4)


def test_the_student_of_the_last_epoch_is_kept_beside_it(whole):
    last = load_checkpoint(whole.last)

    assert last.facts["epoch"] == 3
    assert last.facts["validation_iou"] == float(rows(whole)[-1]["iou"])


def test_a_finished_run_is_only_loaded(whole, discs, tiny_recipe):
    before = {path: path.stat().st_mtime_ns for path in whole.folder.iterdir()}

    one, other = (fit(tiny_recipe(), data=discs, run=whole) for _ in range(2))

    assert {path: path.stat().st_mtime_ns for path in whole.folder.iterdir()} == before
    assert one.facts == other.facts
    photo = torch.rand(1, 3, 64, 64) * 255
    assert torch.equal(one.student(photo), other.student(photo))


def test_the_same_seed_gives_the_same_result_with_or_without_workers(whole, discs, tiny_recipe, tmp_path):
    run = Run(tmp_path / "again")

    fit(tiny_recipe("workers=1"), data=discs, run=run)

    for name in ("student.safetensors", "metrics.csv"):
        assert results(run)[name] == results(whole)[name]


class InterruptedAt(Callback):
    """Raises at one moment of the second epoch."""

    def __init__(self, moment, error=KeyboardInterrupt):
        self._moment, self._error = moment, error

    def on_train_epoch_start(self, trainer, module):
        self._reach("between two epochs", trainer)

    def on_train_batch_end(self, trainer, module, *_):
        self._reach("within an epoch", trainer)

    def on_save_checkpoint(self, trainer, module, checkpoint):
        self._reach("before the state is written", trainer)

    def _reach(self, moment, trainer):
        if (moment, trainer.current_epoch) == (self._moment, 1):
            raise self._error


class BeforeAnyState(Callback):
    """Raises when the first student lies there and no state to go on from."""

    def on_save_checkpoint(self, trainer, module, checkpoint):
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def encoder_weights(tmp_path_factory):
    """Any, as a file: what an encoder that was trained elsewhere comes with."""
    path = tmp_path_factory.mktemp("weights") / "encoder.safetensors"
    save_file(encoders.build("tu-mobilenetv3_small_100").state_dict(), path)
    return path


@pytest.mark.slow
def test_all_care_together_goes_on_after_an_interruption_as_if_there_had_been_none(
    discs, tiny_recipe, encoder_weights, tmp_path, capsys
):
    recipe = tiny_recipe(
        "ema_decay=0.9",
        "gradient_clip=0.5",
        "freeze=2",
        "encoder_decay=0.7",
        f"encoder_weights={encoder_weights}",
        "encoder_mean=0.5",
        "encoder_std=0.5",
    )
    whole, interrupted = Run(tmp_path / "whole"), Run(tmp_path / "interrupted")
    fit(recipe, data=discs, run=whole)
    assert FROM_SCRATCH not in capsys.readouterr().err
    with pytest.raises(KeyboardInterrupt):
        fit(recipe, data=discs, run=interrupted, callbacks=[InterruptedAt("within an epoch")])

    fit(recipe, data=discs, run=interrupted)

    assert results(interrupted) == results(whole)


def test_a_training_from_scratch_says_what_would_be_better(discs, tiny_recipe, tmp_path, capsys):
    fit(tiny_recipe("epochs=1"), data=discs, run=Run(tmp_path / "run"))

    assert f"note: {FROM_SCRATCH}\n" in capsys.readouterr().err


@pytest.mark.slow
def test_a_training_with_workers_goes_on_with_the_right_epoch(whole, discs, tiny_recipe, tmp_path):
    run = Run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        fit(tiny_recipe("workers=1"), data=discs, run=run, callbacks=[InterruptedAt("within an epoch")])

    fit(tiny_recipe("workers=1"), data=discs, run=run)

    for name in ("student.safetensors", "metrics.csv"):
        assert results(run)[name] == results(whole)[name]


@pytest.mark.slow
@pytest.mark.parametrize(
    "interruption",
    [
        InterruptedAt("between two epochs"),
        InterruptedAt("within an epoch"),
        InterruptedAt("before the state is written"),
        BeforeAnyState(),
    ],
    ids=["between-epochs", "within-an-epoch", "before-the-state", "before-any-state"],
)
def test_an_interrupted_training_goes_on_and_ends_as_if_it_had_not_been(
    whole, discs, tiny_recipe, tmp_path, interruption
):
    run = Run(tmp_path / "run")
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(tiny_recipe(), data=discs, run=run, callbacks=[interruption])
    assert signal.getsignal(signal.SIGINT) is handler
    assert not run.is_finished
    assert run.state.exists() != isinstance(interruption, BeforeAnyState)

    fit(tiny_recipe(), data=discs, run=run)

    assert run.is_finished
    assert not run.state.exists()
    assert results(run) == results(whole)


def test_the_second_of_two_trainings_is_refused_before_it_reads_a_photo(
    discs, tiny_recipe, tmp_path, claimed_elsewhere, monkeypatch
):
    first = claimed_elsewhere(tmp_path / "run")
    monkeypatch.delattr("training.fit.scan")

    with pytest.raises(BadInput, match=rf"run is in use by process {first.pid}; wait until it has ended"):
        fit(tiny_recipe("seed=3"), data=discs, run=Run(tmp_path / "run"))


@pytest.mark.slow
def test_a_planned_training_keeps_its_plan_over_a_stop_and_its_options_repeat_it(
    discs, tiny, tiny_recipe, tmp_path, capsys
):
    base = [one for one in tiny if not one.startswith("epochs=")]
    asked = read_recipe("mobile", [*base, "minutes=0.3", "photos_per_epoch=48"])
    run, again = Run(tmp_path / "run"), Run(tmp_path / "again")
    with pytest.raises(KeyboardInterrupt):
        fit(asked, data=discs, run=run, callbacks=[InterruptedAt("within an epoch")])
    plan = json.loads(run.record.read_text())["plan"]
    with pytest.raises(BadInput, match=r"its minutes is 0.3, asked for is 0.6"):
        fit(asked.model_copy(update={"minutes": 0.6}), data=discs, run=run)

    checkpoint = fit(asked, data=discs, run=run)

    assert json.loads(run.record.read_text())["plan"] == plan
    assert len(plan["scales"]) == plan["epochs"] > 1
    assert {key: checkpoint.facts["recipe"][key] for key in plan} == plan
    said = capsys.readouterr().out
    assert f"{plan['epochs']} epochs take about" in said
    assert f"{plan['epochs'] - 1} epochs more take about" in said
    fit(
        read_recipe("mobile", [*base, "photos_per_epoch=48", *(f"{key}={value}" for key, value in plan.items())]),
        data=discs,
        run=again,
    )
    assert run.metrics.read_bytes() == again.metrics.read_bytes()
    assert run.checkpoint.read_bytes() == again.checkpoint.read_bytes()


def test_too_few_minutes_leave_no_folder(discs, tiny_recipe, tmp_path):
    recipe = tiny_recipe("photos_per_epoch=480").model_copy(update={"minutes": 0.001})

    with pytest.raises(BadInput, match=r"minutes=0.001 is too short: one epoch of 480 photos takes .* here; use minut"):
        fit(recipe, data=discs, run=Run(tmp_path / "run"))

    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_stops_with_a_diagnosis_and_frees_the_folder(discs, tiny_recipe, tmp_path):
    expected = (
        r"the loss became (nan|inf) in epoch \d+, step \d+, at a learning rate of .*; \d+ of \d+ weights are no longer "
        r"finite, encoder\..* first: steps were too large; lower learning_rate \(now 1e\+30\), "
        r"set gradient_clip=1 \(now 0.0\), "
    )
    with pytest.raises(BadInput, match=expected):
        fit(tiny_recipe("learning_rate=1e30"), data=discs, run=Run(tmp_path / "run"))

    assert not (tmp_path / "run").exists()


def test_a_damaged_state_says_what_to_do(discs, tiny_recipe, tmp_path):
    run = Run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        fit(tiny_recipe(), data=discs, run=run, callbacks=[InterruptedAt("between two epochs")])
    run.state.write_bytes(run.state.read_bytes()[:-1])

    with pytest.raises(BadInput, match=r"state\.safetensors is damaged.*; delete it to train from the start"):
        fit(tiny_recipe(), data=discs, run=run)


def test_training_stops_when_nothing_gets_better(discs, tiny_recipe, tmp_path):
    run = Run(tmp_path / "run")

    # No logit reaches it, so every mask stays empty.
    checkpoint = fit(tiny_recipe("epochs=9", "patience=2", "threshold=1e6"), data=discs, run=run)

    assert len(rows(run)) == 3
    assert checkpoint.facts["epoch"] == 1


def test_a_student_learns_to_find_discs(discs, tiny_recipe, tmp_path):
    run = Run(tmp_path / "run")
    recipe = tiny_recipe("epochs=4", "photos_per_epoch=48", "patience=2", "colour=0", "degrade=0")

    assert fit(recipe, data=discs, run=run).facts["validation_iou"] > 0.8
    assert len(rows(run)) == 4


def test_a_student_learns_several_classes_with_pixels_that_nobody_judged(draw_discs, tiny_recipe, tmp_path):
    folder = draw_discs(tmp_path / "discs", count=8)
    (folder / "classes.txt").write_text("ground\nrim\ndisc\n")
    for path in (folder / "masks").iterdir():
        disc = np.array(Image.open(path)) > 0
        mask = np.where(disc, 2, 0).astype(np.uint8)
        mask[:10] = 255
        mask[:, -4:] = 1
        Image.fromarray(mask).save(path)
    data = read_pairs(folder)

    checkpoint = fit(tiny_recipe("epochs=2", "stride=8", "arithmetic=bf16"), data=data, run=Run(tmp_path / "run"))

    assert checkpoint.contract.logits_shape == (3, 8, 8)
    assert 0 < checkpoint.facts["validation_iou"] < 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("encoder=vgg19", "unknown encoder 'vgg19'; expected one of mobilenet_v2"),
        ("height=100", "height 100 is not a multiple of 32; use 96 or 128"),
        ("encoder_weights=none.safetensors", "needs encoder_mean and encoder_std"),
        ("epochs=4", "its epochs is 3, asked for is 4"),
    ],
)
def test_a_refusal_writes_nothing(whole, discs, tiny_recipe, tmp_path, override, message):
    before = {path: path.read_bytes() for path in whole.folder.iterdir()}

    with pytest.raises(BadInput, match=message):
        fit(tiny_recipe(override), data=discs, run=whole)

    assert {path: path.read_bytes() for path in whole.folder.iterdir()} == before


def test_pairs_that_cannot_be_read_are_all_named_and_no_folder_is_made(draw_discs, tiny_recipe, tmp_path):
    data = read_pairs(draw_discs(tmp_path / "discs"))
    for pair in data.pairs[4:6]:
        Image.fromarray(np.full((96, 96), 7, np.uint8)).save(pair.mask)

    with pytest.raises(BadInput, match=r"(?s)2 faults in .*disc_04.png has values 7.*disc_05.png has values 7"):
        fit(tiny_recipe(), data=data, run=Run(tmp_path / "run"))

    assert not (tmp_path / "run").exists()


def test_a_full_disk_stops_the_training_leaves_what_was_there_and_can_be_gone_on_from(
    whole, discs, tiny_recipe, small_disk
):
    run = Run(small_disk / "run")
    with pytest.raises(KeyboardInterrupt):
        fit(tiny_recipe(), data=discs, run=run, callbacks=[InterruptedAt("between two epochs")])
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        space = os.statvfs(small_disk)
        file.write(bytes(space.f_bavail * space.f_frsize))
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}

    with pytest.raises(BadInput, match=r"no space left to write .*; free some"):
        fit(tiny_recipe(), data=discs, run=run)

    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before
    filler.unlink()
    fit(tiny_recipe(), data=discs, run=run)
    assert results(run) == results(whole)
