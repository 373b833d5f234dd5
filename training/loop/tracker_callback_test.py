import sqlite3

import pytest
from lightning.pytorch.callbacks import Callback
from PIL import Image

from training.fit import fit
from training.run import Run

pytestmark = pytest.mark.filterwarnings("ignore")


class Interrupted(Callback):
    """Stops the second epoch."""

    def on_train_epoch_start(self, trainer, module):
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt


def in_two_sessions(discs, recipe, run):
    with pytest.raises(KeyboardInterrupt):
        fit(recipe, data=discs, run=run, callbacks=[Interrupted()])
    fit(recipe, data=discs, run=run)


def read_tensorboard(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "run")).Reload()
    assert len(events.Images("samples")) == 2
    assert {"settings/text_summary", "student.safetensors/text_summary"} <= set(events.Tags()["tensors"])
    return {name: [round(event.value, 4) for event in events.Scalars(name)] for name in ("loss", "iou")}


def read_mlflow(folder):
    with sqlite3.connect(folder / "mlflow.db") as database:
        rows = database.execute("select key, value from metrics order by step").fetchall()
        assert database.execute("select value from params where key = 'epochs'").fetchall() == [("2",)]
        assert database.execute("select status from runs").fetchall() == [("FINISHED",)]
    kept = {
        str(path.relative_to(next(folder.glob("artifacts/*/artifacts"))))
        for path in folder.rglob("*.*")
        if "artifacts/" in str(path) and path.is_file()
    }
    assert {"student.safetensors", "run.json", "step-1/samples.png", "step-2/samples.png"} <= kept
    return {name: [round(value, 4) for key, value in rows if key == name] for name in ("loss", "iou")}


def read_wandb(folder):
    sessions = list(folder.glob("wandb/offline-run-*"))
    # offline-run-TIME-ID, and -1 behind it for a second session within the same second.
    assert len({path.name.split("-")[3] for path in sessions}) == 1
    assert len(list(folder.rglob("media/images/samples_*.png"))) == 2
    assert list(folder.rglob("files/student.safetensors"))
    data = b"".join(file.read_bytes() for file in sorted(folder.rglob("*.wandb")))
    assert b"samples" in data
    assert b"encoder_weights" in data
    return


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tracker", "module", "read"),
    [
        ("tensorboard", "tensorboard", read_tensorboard),
        ("mlflow", "mlflow", read_mlflow),
        ("wandb", "wandb", read_wandb),
    ],
)
def test_a_training_in_two_sessions_is_one_run_of_the_tracker(discs, tiny_recipe, tmp_path, tracker, module, read):
    pytest.importorskip(module, reason="trackers are optional: make install-trackers")
    run = Run(tmp_path / "run")

    in_two_sessions(discs, tiny_recipe("epochs=2", f"track={tracker}"), run)

    kept = read(run.folder / tracker)
    lines = [line.split(",") for line in run.metrics.read_text().splitlines()[1:]]
    if kept is not None:
        assert kept == {name: [round(float(line[at]), 4) for line in lines] for at, name in ((1, "loss"), (2, "iou"))}
    with Image.open(run.folder / tracker / "samples.png") as sheet:
        assert sheet.size == (4 * 64, 64)
