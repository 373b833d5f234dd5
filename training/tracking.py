"""Figures and pictures of a run, kept by a tracker of the user's choice: on this machine alone, never sent anywhere."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from training.student.errors import BadInput

PROJECT = "pocketmask"

Track = Callable[[Path, str, Mapping[str, float], Sequence[Path]], None]
"""Folder, name of the run, its figures, and PNG files."""


def track(tracker: str, folder: Path, name: str, figures: Mapping[str, float], pictures: Sequence[Path]) -> None:
    """Record one run.

    Args:
        tracker: A key of `TRACKERS`.
        folder: Where it keeps its files.
        name: Of the run.
        figures: By name.
        pictures: PNG files.

    Raises:
        BadInput: The tracker is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Else they report their own use and errors to their makers, and each run at length to the terminal.
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING"}
    os.environ |= {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}
    try:
        TRACKERS[tracker](folder.resolve(), name, figures, pictures)
    except ImportError as error:
        missing = f"--log {tracker} needs a package that is missing ({error})"
        raise BadInput(f"{missing}; install with: pip install '.[trackers]'") from error


def _tensorboard(folder: Path, name: str, figures: Mapping[str, float], pictures: Sequence[Path]) -> None:
    import numpy as np
    from PIL import Image
    from torch.utils.tensorboard import SummaryWriter

    # One place for all runs, and a name each, is how its page lists them side by side.
    with SummaryWriter(str(folder / name.replace(":", "-"))) as writer:
        for key, value in figures.items():
            writer.add_scalar(key, value, 0)
        for picture in pictures:
            pixels = np.asarray(Image.open(picture).convert("RGB"))
            writer.add_image(picture.stem, pixels, 0, dataformats="HWC")


def _mlflow(folder: Path, name: str, figures: Mapping[str, float], pictures: Sequence[Path]) -> None:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    known = client.get_experiment_by_name(PROJECT)
    place = (folder / "artifacts").as_uri()
    experiment = known.experiment_id if known else client.create_experiment(PROJECT, artifact_location=place)
    run = client.create_run(experiment, run_name=name).info.run_id
    for key, value in figures.items():
        client.log_metric(run, key, value)
    for picture in pictures:
        client.log_artifact(run, str(picture))
    client.set_terminated(run)


def _wandb(folder: Path, name: str, figures: Mapping[str, float], pictures: Sequence[Path]) -> None:
    import wandb

    with wandb.init(project=PROJECT, name=name, dir=folder, mode="offline") as run:
        run.log({**figures, **{picture.stem: wandb.Image(str(picture)) for picture in pictures}})
    # It writes in a process of its own, which on a busy machine was seen to be still at it.
    wandb.teardown()


TRACKERS: Mapping[str, Track] = MappingProxyType({"tensorboard": _tensorboard, "mlflow": _mlflow, "wandb": _wandb})
