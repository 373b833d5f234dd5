"""Findings on disk, each under the digest of all that they depend on; a file that was damaged counts as absent.

The folder may be deleted at any time: that costs looking anew and nothing else.
"""

import hashlib
import io
import json
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from training.student.atomic_write import atomic_path
from training.teacher.protocol import Findings

# Raised by the reading of files cut short or changed at any byte.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, MemoryError, RuntimeError, BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class CachedFindings:
    """Findings and what they cost."""

    findings: Findings
    seconds: float
    """A photo's part of the time that its batch took."""


def findings_key(photo: str, provenance: Mapping[str, Any], decide_only: Collection[str]) -> str:
    """The sha256 of all that findings depend on.

    Args:
        photo: The sha256 of its bytes.
        provenance: Of the teacher, as a sidecar has it.
        decide_only: Those of its settings that do not count, for they only decide.
    """
    settings = {name: value for name, value in provenance["settings"].items() if name not in decide_only}
    parts = {**provenance, "settings": settings, "photo": photo}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FindingsCache:
    """A folder of findings."""

    folder: Path

    def path(self, key: str) -> Path:
        """Where the findings of that key lie, or would."""
        return self.folder / key[:2] / f"{key}.npz"

    def get(self, key: str) -> CachedFindings | None:
        """What was put there; None where nothing was, or it is damaged."""
        try:
            # From memory: of a damaged file numpy would leave the handle open.
            with np.load(io.BytesIO(self.path(key).read_bytes()), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            (rows, columns), seconds = arrays.pop("size").tolist(), float(arrays.pop("seconds"))
            # A damaged directory may list fewer files than there are, and nothing else would tell.
            if arrays.pop("count") != len(arrays):
                return None
            found = Findings((rows, columns), {name.removeprefix("_"): array for name, array in arrays.items()})
            return CachedFindings(found, seconds)
        except _DAMAGE:
            return None

    def put(self, key: str, kept: CachedFindings) -> None:
        """Keep findings.

        Raises:
            TypeError: They hold objects, which only pickle could write.
            BadInput: The folder cannot be written to, or its disk is full.
        """
        arrays = {f"_{name}": np.asarray(array) for name, array in kept.findings.arrays.items()}
        if objects := [name[1:] for name, array in arrays.items() if array.dtype.hasobject]:
            raise TypeError(f"findings {', '.join(objects)} hold objects, expected numbers, truth values or text")
        # In memory first: on a full disk numpy would leave its file open, which fails again when it is collected.
        file = io.BytesIO()
        np.savez_compressed(file, size=kept.findings.size, seconds=kept.seconds, count=len(arrays), **arrays)
        with atomic_path(self.path(key)) as temporary:
            temporary.write_bytes(file.getbuffer())
