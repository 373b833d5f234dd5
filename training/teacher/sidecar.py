"""Sidecars: a JSON file for each pair of a labelled folder. It says which teacher drew the mask, and how sure it is.

If photo, teacher, settings, weights and phrases of two sidecars are equal, so are their masks.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from training.student.atomic_write import write_text
from training.student.bounded_read import read_json_as
from training.student.errors import BadInput
from training.teacher.protocol import Teacher

_PROVENANCE = {"teacher", "settings", "weights", "phrases"}


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PhotoRecord(_Record):
    """The labelled photo."""

    file: str
    """Path within the folder of photos, with slashes."""
    sha256: str
    """SHA-256 of the file."""
    rows: int
    """Size of the upright photo, and of the mask."""
    columns: int


class PhraseRecord(_Record):
    """A phrase."""

    name: str
    texts: tuple[str, ...]


class InstanceRecord(_Record):
    """One object in the mask; see `training.teacher.protocol.Instance`."""

    phrase: int
    box: tuple[float, float, float, float]
    box_score: float | None
    mask_score: float | None


class Sidecar(_Record):
    """`sidecars/NAME.json`."""

    version: Literal[1] = Field(default=1, alias="schema")
    photo: PhotoRecord
    teacher: str
    settings: dict[str, JsonValue]
    weights: dict[str, str]
    phrases: tuple[PhraseRecord, ...]
    instances: tuple[InstanceRecord, ...]
    score: float | None
    empty: bool
    """No phrase was found: the mask is all background, or the photo was left out."""
    mask: str | None = None
    """SHA-256 of the mask file as the teacher drew it. If the file differs, somebody edited it by hand."""
    undecided: bool = False
    """The teacher found something but does not trust the mask: the photo was left out."""
    seconds: float
    """Time of `look` and `decide`, also when `look` ran in an earlier job."""
    made: str
    """When the mask was drawn: ISO 8601, UTC."""

    def matches(self, sha256: str, provenance: Mapping[str, Any]) -> bool:
        """Whether this describes the mask that a teacher of that provenance draws on a photo with this SHA-256."""
        return self.photo.sha256 == sha256 and self.model_dump(mode="json", include=_PROVENANCE) == provenance

    def write(self, path: Path) -> None:
        """Write it as JSON, atomically."""
        write_text(path, self.model_dump_json(by_alias=True, indent=1) + "\n")


def provenance(teacher: Teacher) -> dict[str, Any]:
    """Everything that a teacher's masks depend on besides the photo, in the form that a sidecar stores."""
    phrases = [PhraseRecord(**asdict(phrase)).model_dump(mode="json") for phrase in teacher.phrases]
    settings = teacher.settings.model_dump(mode="json", by_alias=True)
    return {"teacher": teacher.name, "settings": settings, "weights": dict(teacher.weights), "phrases": phrases}


def read_sidecar(path: Path) -> Sidecar:
    """Read a sidecar.

    Raises:
        BadInput: The file does not exist, cannot be read, or is not a sidecar.
    """
    if not path.exists():
        raise BadInput(f"{path} does not exist; label the photo with `python -m training label`")
    return read_json_as(Sidecar, path, "delete it and label again")
