"""A student on disk: NAME.safetensors holds its weights, NAME.json what is needed to build its network."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as as_safetensors

from training.student.atomic_write import atomic_path, write_text
from training.student.bounded_read import as_type, brief, read_json_as
from training.student.contract import Contract
from training.student.errors import BadInput, one_line
from training.student.network import Architecture, Student
from training.student.renamed import with_new_names

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class _Record:
    """The JSON file."""

    schema: int
    contract: dict[str, Any]
    architecture: dict[str, Any]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A trained student and the facts of its training."""

    student: Student
    contract: Contract
    architecture: Architecture
    facts: dict[str, Any]
    """Epoch, validation IoU, recipe, data, versions: for people and reports; no computation depends on them."""


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write both files beside each other; `path` is the .safetensors one."""
    with atomic_path(path) as temporary:
        weights = {name: value.contiguous().cpu() for name, value in checkpoint.student.state_dict().items()}
        # Not save_file: on a full disk that raises an error of its own, which nobody expects of a file.
        temporary.write_bytes(as_safetensors(weights))
    record = {
        "schema": SCHEMA,
        "contract": json.loads(checkpoint.contract.to_json()),
        "architecture": asdict(checkpoint.architecture),
        "facts": checkpoint.facts,
    }
    write_text(path.with_suffix(".json"), json.dumps(record, indent=1) + "\n")


def load_checkpoint(path: Path) -> Checkpoint:
    """The student of a checkpoint, ready for inference.

    Args:
        path: The .safetensors file; its .json lies beside it.

    Raises:
        BadInput: Either file is missing, damaged, of another schema, or they do not belong together.
    """
    record_path = path.with_suffix(".json")
    for needed in (path, record_path):
        if not needed.is_file():
            raise BadInput(f"no checkpoint at {needed}; train one with `make train-mobile`")
    record = read_json_as(_Record, record_path, "train it again", finite=False)
    if record.schema != SCHEMA:
        raise BadInput(f"{record_path} has schema {record.schema}, this version reads {SCHEMA}")
    contract = Contract.from_plain(record.contract, f"the contract in {record_path}")
    recorded = with_new_names(record.architecture, str(record_path))
    architecture = as_type(Architecture, recorded, f"the architecture in {record_path}", "train it again")
    facts = record.facts
    if isinstance(facts.get("recipe"), dict):
        facts = {**facts, "recipe": with_new_names(facts["recipe"], f"the recipe in {record_path}")}
    try:
        student = Student(contract, architecture)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise BadInput(
            f"{record_path} is not the record of a student: {brief(one_line(error))}; train it again"
        ) from error
    try:
        student.load_state_dict(load_file(str(path)), strict=True)
    except (SafetensorError, RuntimeError, OSError) as error:
        # The first line of torch's message only says that others follow.
        last = str(error).splitlines()[-1].strip()
        raise BadInput(
            f"{path} does not hold the weights that {record_path.name} describes: {last}; train it again"
        ) from error
    return Checkpoint(student.eval(), contract, architecture, facts)
