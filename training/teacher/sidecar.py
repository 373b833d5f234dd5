"""What lies beside each pair of a labelled folder: who drew the mask, from what, and how sure it was.

Two sidecars of one photo, teacher, settings, weights and phrases tell of the same mask.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from training.student.atomic_write import write_text
from training.student.errors import BadInput
from training.teacher.protocol import Teacher

_PROVENANCE = {"teacher", "settings", "weights", "phrases"}


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PhotoRecord(_Record):
    """What was labelled."""

    file: str
    """Path within the folder of photos, by slashes."""
    sha256: str
    """Of its bytes."""
    rows: int
    """Upright, as the mask."""
    columns: int


class PhraseRecord(_Record):
    """A phrase."""

    name: str
    texts: tuple[str, ...]


class InstanceRecord(_Record):
    """One thing in the mask; see `training.teacher.protocol.Instance`."""

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
    """Nothing of any phrase was found: the mask is all background, or was left out."""
    mask: str | None = None
    """The sha256 of the mask's file as the teacher drew it; another one was edited by hand."""
    undecided: bool = False
    """Something was found that the teacher would not vouch for: the photo was left out."""
    seconds: float
    """To look and to decide, whenever that was."""
    made: str
    """When the mask was drawn: ISO 8601, UTC."""

    def matches(self, sha256: str, provenance: Mapping[str, Any]) -> bool:
        """Whether a teacher of that provenance would draw the same on the photo of these bytes."""
        return self.photo.sha256 == sha256 and self.model_dump(mode="json", include=_PROVENANCE) == provenance

    def write(self, path: Path) -> None:
        """Write it as JSON, in one step as others see it."""
        write_text(path, self.model_dump_json(by_alias=True, indent=1) + "\n")


def provenance(teacher: Teacher) -> dict[str, Any]:
    """What a teacher's masks depend on besides the photo, as a sidecar has it."""
    described = [PhraseRecord(**asdict(phrase)).model_dump(mode="json") for phrase in teacher.phrases]
    settings = teacher.settings.model_dump(mode="json", by_alias=True)
    return {"teacher": teacher.name, "settings": settings, "weights": dict(teacher.weights), "phrases": described}


def read_sidecar(path: Path) -> Sidecar:
    """The sidecar in a file.

    Raises:
        BadInput: It does not exist, cannot be read, or is none of ours.
    """
    try:
        return Sidecar.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist; label the photo with `python -m training label`") from error
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise BadInput(f"{path} is no sidecar ({place}: {fault['msg']}); delete it and label again") from error
