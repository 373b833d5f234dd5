"""Experiment trackers: TensorBoard, MLflow or W&B, each offline, in a folder of this machine."""

import json
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from training.student import installation

PROJECT = "pocketmask"

Name = Literal["tensorboard", "mlflow", "wandb"]


class Tracker(Protocol):
    """One tracked run."""

    def log_settings(self, values: Mapping[str, Any]) -> None:
        """Log the options of the run, by name."""

    def log_step(self, figures: Mapping[str, float], pictures: Sequence[Path], number: int = 0) -> None:
        """Log figures by name and pictures as PNG files, of step `number`."""

    def log_file(self, path: Path) -> None:
        """Log a file."""

    def close(self, *, is_over: bool = True) -> None:
        """Close the run; with `is_over=False` it can be continued."""


def track_once(tracker: str, folder: Path, name: str, figures: Mapping[str, float], pictures: Sequence[Path]) -> None:
    """Log a run of a single step.

    Args:
        tracker: A key of `TRACKERS`.
        folder: Where it keeps its files.
        name: Of the run.
        figures: By name.
        pictures: PNG files.

    Raises:
        BadInput: The tracker is not installed.
    """
    tracker_run = start_tracking(tracker, folder, name)
    tracker_run.log_step(figures, pictures)
    tracker_run.close()


def start_tracking(tracker: str, folder: Path, name: str, *, again: bool = False) -> Tracker:
    """Start a tracked run, or continue one.

    Args:
        tracker: A key of `TRACKERS`.
        folder: Where it keeps its files.
        name: Of the run.
        again: Whether to continue the run of that name in this folder, which was not closed.

    Raises:
        BadInput: The tracker is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # By default they send usage and errors to their makers, and print each run to the terminal.
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING"}
    os.environ |= {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}
    try:
        return TRACKERS[tracker](folder.resolve(), name, again)
    except ImportError as error:
        raise installation.missing(f"the tracker {tracker}", tracker) from error


class _TensorBoard:
    def __init__(self, folder: Path, name: str, again: bool) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # One place for all runs, and a name each, is how its page lists them side by side.
        self._writer: Any = SummaryWriter(str(folder / name.replace(":", "-")))

    def log_settings(self, values: Mapping[str, Any]) -> None:
        self._writer.add_text("settings", "    " + json.dumps(values, indent=1).replace("\n", "\n    "))

    def log_step(self, figures: Mapping[str, float], pictures: Sequence[Path], number: int = 0) -> None:
        import numpy as np
        from PIL import Image

        for key, value in figures.items():
            self._writer.add_scalar(key, value, number)
        for picture in pictures:
            pixels = np.asarray(Image.open(picture).convert("RGB"))
            self._writer.add_image(picture.stem, pixels, number, dataformats="HWC")
        self._writer.flush()

    def log_file(self, path: Path) -> None:
        # It keeps no files, so it is told where they are.
        self._writer.add_text(path.name, str(path.resolve()))

    def close(self, *, is_over: bool = True) -> None:
        self._writer.close()


class _MLflow:
    def __init__(self, folder: Path, name: str, again: bool) -> None:
        import mlflow

        self._client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
        known = self._client.get_experiment_by_name(PROJECT)
        place = (folder / "artifacts").as_uri()
        experiment = known.experiment_id if known else self._client.create_experiment(PROJECT, artifact_location=place)
        open_runs = f"attributes.run_name = '{name}' and attributes.status = 'RUNNING'"
        found = self._client.search_runs([experiment], open_runs) if again else []
        self._run = (found[0] if found else self._client.create_run(experiment, run_name=name)).info.run_id

    def log_settings(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            self._client.log_param(self._run, key, value)

    def log_step(self, figures: Mapping[str, float], pictures: Sequence[Path], number: int = 0) -> None:
        for key, value in figures.items():
            self._client.log_metric(self._run, key, value, step=number)
        for picture in pictures:
            self._client.log_artifact(self._run, str(picture), f"step-{number}" if number else None)

    def log_file(self, path: Path) -> None:
        self._client.log_artifact(self._run, str(path))

    def close(self, *, is_over: bool = True) -> None:
        if is_over:
            self._client.set_terminated(self._run)


class _WandB:
    def __init__(self, folder: Path, name: str, again: bool) -> None:
        import wandb

        kept = folder / "wandb-run.txt"
        identity = kept.read_text().strip() if again and kept.exists() else uuid.uuid4().hex[:8]
        kept.write_text(f"{identity}\n")
        # Offline, each session has a folder of its own; by the identity they become one run wherever they are synced.
        self._run = wandb.init(project=PROJECT, name=name, id=identity, dir=folder, mode="offline")
        self._image, self._teardown = wandb.Image, wandb.teardown

    def log_settings(self, values: Mapping[str, Any]) -> None:
        self._run.config.update(dict(values), allow_val_change=True)  # type: ignore[no-untyped-call]

    def log_step(self, figures: Mapping[str, float], pictures: Sequence[Path], number: int = 0) -> None:
        self._run.log({**figures, **{picture.stem: self._image(str(picture)) for picture in pictures}}, step=number)

    def log_file(self, path: Path) -> None:
        self._run.save(str(path.resolve()), base_path=str(path.resolve().parent), policy="now")

    def close(self, *, is_over: bool = True) -> None:
        self._run.finish()
        # It writes in a process of its own, which on a busy machine was seen to be still at it.
        self._teardown()


TRACKERS: Mapping[str, Callable[[Path, str, bool], Tracker]] = MappingProxyType(
    {"tensorboard": _TensorBoard, "mlflow": _MLflow, "wandb": _WandB}
)
