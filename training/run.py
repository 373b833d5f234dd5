"""A run: the folder with all files of one student. It never mixes two trainings."""

import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.data import colours
from training.data.merge import merge, qualified_name
from training.data.pairs import Pair, Pairs, read_pairs
from training.data.split import Split
from training.recipe import Recipe, recipe_from_mapping
from training.student.atomic_write import write_text
from training.student.bounded_read import as_type, brief, read_json
from training.student.errors import BadInput
from training.student.renamed import with_new_names


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """A pair that the training does not learn from."""

    name: str
    photo: str
    mask: str
    folder: int = 0


@dataclass(frozen=True, slots=True)
class _Data:
    folder: str
    digest: str
    classes: list[str]
    pairs: int
    further: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Record:
    """The record as JSON holds it; readers of it need not ask again what is there."""

    recipe: dict[str, Any]
    data: _Data
    train: list[str]
    validation: list[_HeldOut]
    test: list[_HeldOut] | None = None
    arithmetic: str | None = None
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Where the files of one run are."""

    folder: Path

    @staticmethod
    def default_folder(recipe: str, *data: Path) -> Path:
        """runs/RECIPE for the rendered coins, runs/RECIPE-DATA for a folder of one's own, or several."""
        return Path("runs") / "-".join([Path(recipe).stem, *(folder.resolve().name for folder in data)])

    @property
    def record(self) -> Path:
        """Recipe, data and split, as JSON."""
        return self.folder / "run.json"

    @property
    def checkpoint(self) -> Path:
        """The best student's weights; its contract and facts lie beside it."""
        return self.folder / "student.safetensors"

    @property
    def last(self) -> Path:
        """The same of the last epoch."""
        return self.folder / "last.safetensors"

    @property
    def state(self) -> Path:
        """The state of an interrupted training; deleted when the training has finished."""
        return self.folder / "state.safetensors"

    @property
    def metrics(self) -> Path:
        """One row of figures an epoch."""
        return self.folder / "metrics.csv"

    @property
    def curves(self) -> Path:
        """The same as a picture."""
        return self.folder / "curves.png"

    @property
    def export(self) -> Path:
        """Artefacts and their manifest."""
        return self.folder / "export"

    @property
    def parity(self) -> Path:
        """The result of the last parity check, and its pictures."""
        return self.folder / "parity"

    @property
    def report(self) -> Path:
        """The report, one page."""
        return self.folder / "report.html"

    @property
    def card(self) -> Path:
        """The model card, as model hubs show it."""
        return self.folder / "MODEL_CARD.md"

    @property
    def bench(self) -> Path:
        """The last timing of the artefacts."""
        return self.folder / "bench.json"

    @property
    def phones(self) -> Path:
        """Results of the apps' self-tests on phones."""
        return self.folder / "phones"

    def evaluation(self, data: str) -> Path:
        """The folder of an evaluation on that data."""
        return self.folder / f"evaluation-{data}"

    def evaluations(self) -> dict[str, Path]:
        """The JSON file of each evaluation so far, by the data's name."""
        found = sorted(self.folder.glob("evaluation-*/evaluation.json"))
        return {path.parent.name.removeprefix("evaluation-"): path for path in found}

    @property
    def is_finished(self) -> bool:
        """Whether the training reached its end and its student is still here."""
        return self.record.is_file() and self.checkpoint.is_file() and bool(self._read().get("finished"))

    @property
    def arithmetic(self) -> str | None:
        """The number format that the training began with; None where none has begun."""
        return self._read().get("arithmetic") if self.record.is_file() else None

    def planned(self, recipe: Recipe) -> Recipe | None:
        """The recipe as its `minutes` were planned, where they were.

        Raises:
            BadInput: The plan does not fit.
        """
        plan = self._read().get("plan") if self.record.is_file() else None
        if plan is None:
            return None
        if not isinstance(plan, dict) or set(plan) != set(_PLANNED):
            raise BadInput(f"{self.record} has a damaged plan; delete {self.folder} and train again")
        return recipe_from_mapping({**recipe.model_dump(mode="json"), **plan}, f"the plan in {self.record}")

    def refuse_another(self, wanted: dict[str, Any]) -> None:
        """Raise unless the folder is free, or already holds the run that is `wanted`.

        Raises:
            BadInput: The folder holds something else.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise BadInput(f"{self.folder} is a file; choose another folder with --run")
        if self.record.is_file():
            difference = _difference(self._read(), wanted)
            if difference:
                raise BadInput(
                    f"{self.folder} holds a run of another kind ({difference}); delete it, or choose another folder "
                    "with --run (RUN= with make)"
                )
        elif self.folder.is_dir() and not all(entry.name.startswith(".") for entry in self.folder.iterdir()):
            raise BadInput(f"{self.folder} exists and is no run of ours; choose another folder with --run")

    def claim(self, wanted: dict[str, Any], arithmetic: str) -> None:
        """Write the record: the folder is this run's now, and all its sessions use this number format."""
        plan = {"plan": self._read()["plan"]} if self.record.is_file() and "plan" in self._read() else {}
        self._write({**wanted, "arithmetic": arithmetic, **plan, "finished": False})

    def keep_plan(self, planned: Recipe) -> None:
        """Record what `minutes` were planned to be, for the sessions to come."""
        self._write({**self._read(), "plan": planned.model_dump(mode="json", include=set(_PLANNED))})

    def release(self) -> None:
        """Delete the record if the training left neither state nor checkpoint."""
        if not self.state.exists() and not self.checkpoint.exists():
            self.record.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # somebody else's files
                self.folder.rmdir()

    def finish(self) -> None:
        """Record that the training has finished, and delete its state."""
        self._write({**self._read(), "finished": True})
        self.state.unlink(missing_ok=True)

    def recipe(self) -> dict[str, Any]:
        """The resolved recipe, as recorded."""
        found: dict[str, Any] = self._read()["recipe"]
        return found

    def data(self) -> dict[str, Any]:
        """Folder, digest, classes and counts of the data, as recorded."""
        found: dict[str, Any] = self._read()["data"]
        return found

    def split_sizes(self) -> dict[str, int]:
        """How many pairs are on each side: train, validation and test."""
        found = self._read()
        return {side: len(found.get(side) or ()) for side in ("train", "validation", "test")}

    def held_out(self) -> list[Pair]:
        """The pairs to evaluate on: the test set, or the validation set if there is no test set.

        Raises:
            BadInput: No run here, or a data folder is gone.
        """
        found, folders = self._read(), self.folders()
        meanings = [colours.read(folder / colours.FILE, tuple(found["data"]["classes"])) for folder in folders]
        pairs = []
        for entry in found.get("test") or found["validation"]:
            index = entry.get("folder", 0)
            strays = any(Path(entry[part]).name != entry[part] for part in ("photo", "mask"))
            if strays or index not in range(len(folders)):
                raise BadInput(
                    f"{self.record} names {brief(repr(entry['photo']))}, which is not a file of the data folder"
                )
            photo, mask = folders[index] / "photos" / entry["photo"], folders[index] / "masks" / entry["mask"]
            pairs.append(Pair(entry["name"], photo, mask, meanings[index]))
        return pairs

    def held_out_pairs(self) -> Pairs:
        """The same as a folder of pairs.

        Raises:
            BadInput: Likewise.
        """
        first, *further = self.folders()
        return Pairs(first, tuple(self.data()["classes"]), tuple(self.held_out()), further=tuple(further))

    def learnt_from(self, data: Pairs) -> int:
        """How many of these pairs are in its training set; 0 without a record."""
        own = self.data() if self.record.is_file() else {"folder": None}
        folder, further = data.folder.resolve(), own.get("further")
        if str(folder) not in (own["folder"], *(further or ())):
            return 0
        names = {qualified_name(folder, pair.name) if further else pair.name for pair in data.pairs}
        return len(names & set(self._read()["train"]))

    def training(self) -> list[Pair]:
        """The pairs of the training set.

        Raises:
            BadInput: No run here, or a data folder is gone or has lost some of them.
        """
        found, folders = self._read(), self.folders()
        # A pair that was dropped since then is still in this run's training set.
        here = {pair.name: pair for pair in merge([read_pairs(folder, dropped=True) for folder in folders]).pairs}
        if gone := [name for name in found["train"] if name not in here]:
            where = " and ".join(map(str, folders))
            raise BadInput(f"{where} has lost {len(gone)} of this run's pairs, such as {gone[0]!r}; put them back")
        return [here[name] for name in found["train"]]

    def folders(self) -> tuple[Path, ...]:
        """Where its data lies.

        Raises:
            BadInput: No run here, or one of them is gone.
        """
        data = self.data()
        folders = tuple(map(Path, (data["folder"], *data.get("further", ()))))
        for folder in folders:
            # Unlike Path's, this one says no of a name that no file can have.
            if not os.path.isdir(folder):  # noqa: PTH112
                shown = brief(folder, 300)
                raise BadInput(
                    f"the data of {self.record} is no longer at {shown}; put it back, or name pairs with --data"
                )
        return folders

    def _write(self, record: dict[str, Any]) -> None:
        write_text(self.record, json.dumps(record, indent=1) + "\n")

    def _read(self) -> dict[str, Any]:
        if not self.record.is_file():
            raise BadInput(f"no run at {self.folder}; make one with `make train-mobile`")
        remedy = f"delete {self.folder} and train again"
        found = read_json(self.record, remedy)
        as_type(_Record, found, str(self.record), remedy)
        where = f"the recipe in {self.record}"
        return {**found, "recipe": with_new_names(found["recipe"], where)}


def run_record(recipe: Recipe, data: Pairs, sides: Split, data_digest: str) -> dict[str, Any]:
    """The record of a run, ready for JSON.

    Args:
        recipe: Of the run.
        data: What it was given.
        sides: How that was divided.
        data_digest: As `scan.digest` gives it.
    """
    return {
        "recipe": json.loads(recipe.model_dump_json()),
        "data": {
            "folder": str(data.folder.resolve()),
            "further": [str(folder.resolve()) for folder in data.further],
            "digest": data_digest,
            "classes": list(data.classes),
            "pairs": len(data.pairs),
        },
        "train": [pair.name for pair in sides.train],
        **{
            side: [
                {"name": p.name, "folder": data.folders.index(p.folder), "photo": p.photo.name, "mask": p.mask.name}
                for p in getattr(sides, side)
            ]
            for side in ("validation", "test")
        },
    }


_PLANNED = ("epochs", "scales")
"""The options that `minutes` plans."""

# Options that may differ when a training is resumed: they do not change what it learns.
_MAY_DIFFER = dict.fromkeys(("workers", "cache", "devices", "nodes", "track"))


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """How two records differ, in words; empty if they do not."""
    # A run that is older than an option did what the option's default does.
    defaults = Recipe().model_dump(mode="json")
    recipe, asked_recipe = ({**defaults, **record["recipe"], **_MAY_DIFFER} for record in (found, wanted))
    differing = [key for key in {**recipe, **asked_recipe} if recipe.get(key) != asked_recipe.get(key)]
    if differing:
        return "; ".join(f"its {key} is {recipe.get(key)}, asked for is {asked_recipe.get(key)}" for key in differing)
    if found["data"]["digest"] == wanted["data"]["digest"] and found["data"]["classes"] == wanted["data"]["classes"]:
        return ""
    there, here = (
        f"{data['pairs']} pairs in {' and '.join([data['folder'], *data.get('further', ())])}"
        for data in (found["data"], wanted["data"])
    )
    return f"it learnt from the {there}" + (", which have changed" if there == here else f", asked for are the {here}")
