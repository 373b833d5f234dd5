import re
import sqlite3
import sys

import numpy as np
import pytest
from PIL import Image

from training.student.errors import BadInput
from training.tracking import TRACKERS, track_once

MODULES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb": "wandb"}


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "figures.png"
    Image.fromarray(np.full((20, 30, 3), 128, np.uint8)).save(path)
    return path


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_tracker_that_is_not_installed_is_named_with_its_remedy(tracker, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, MODULES[tracker], None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)

    with pytest.raises(
        BadInput, match=rf"the tracker {tracker} needs {tracker}, which is not installed; run .*trackers"
    ):
        track_once(tracker, tmp_path / "there", "classical", {"iou": 0.5}, [])


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    kept = {}
    for run in sorted(folder.iterdir()):
        events = EventAccumulator(str(run)).Reload()
        assert events.Tags()["images"] == (["figures"] if run.name == "classical" else [])
        kept[run.name] = {name: round(events.Scalars(name)[0].value, 4) for name in events.Tags()["scalars"]}
    return kept


def metrics(folder):
    assert [path.name for path in folder.glob("artifacts/*/artifacts/*")] == ["figures.png"]
    with sqlite3.connect(folder / "mlflow.db") as database:
        rows = database.execute("select name, key, value from runs join metrics using (run_uuid)").fetchall()
    return {run: {key: value for name, key, value in rows if name == run} for run, *_ in rows}


def offline_runs(folder):
    """W&B has no reader of its files to import: a figure stands there as its name and, two bytes on, its digits."""
    assert len(list(folder.rglob("media/images/figures_*.png"))) == 1
    kept = {}
    for file in folder.rglob("*.wandb"):
        data = file.read_bytes()
        (run,) = (name for name in ("classical", "clipseg") if name.encode() in data)
        kept[run] = {key.decode(): float(value) for key, value in re.findall(rb"(iou|dice)\x82\x01.([0-9.]+)", data)}
    return kept


READERS = {"tensorboard": scalars, "mlflow": metrics, "wandb": offline_runs}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("tracker", TRACKERS)
def test_what_was_tracked_is_read_back_and_the_terminal_stays_quiet(tracker, tmp_path, picture, capfd):
    pytest.importorskip(MODULES[tracker], reason="trackers are optional: make install-trackers")

    track_once(tracker, tmp_path / "there", "classical", {"iou": 0.5, "dice": 0.6}, [picture])
    track_once(tracker, tmp_path / "there", "clipseg", {"iou": 0.7}, [])

    assert capfd.readouterr() == ("", "")
    assert READERS[tracker](tmp_path / "there") == {"classical": {"iou": 0.5, "dice": 0.6}, "clipseg": {"iou": 0.7}}
