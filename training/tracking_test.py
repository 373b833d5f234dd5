import sys

import numpy as np
import pytest
from PIL import Image

from training.student.errors import BadInput
from training.tracking import TRACKERS, track

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

    with pytest.raises(BadInput, match=f"--log {tracker} needs a package that is missing .*pip install {tracker}"):
        track(tracker, tmp_path / "there", "classical", {"iou": 0.5}, [])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_run_is_kept_in_its_folder(tracker, tmp_path, picture):
    pytest.importorskip(MODULES[tracker], reason=f"{tracker} is optional, and not installed")

    track(tracker, tmp_path / "there", "classical", {"iou": 0.5, "dice": 0.6}, [picture])
    track(tracker, tmp_path / "there", "clipseg", {"iou": 0.7}, [])

    assert sum(path.stat().st_size for path in (tmp_path / "there").rglob("*") if path.is_file()) > 500
