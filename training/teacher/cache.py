"""Findings cached on disk. The key is a digest of everything they depend on; a damaged file counts as missing.

The folder may be deleted at any time: the next job then runs the model again.
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

# What reading a truncated or corrupted file may raise.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, MemoryError, RuntimeError, BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class CachedFindings:
    """Findings and the time they took."""

    findings: Findings
    seconds: float
    """Time of the batch, divided by its photos."""


def findings_key(photo: str, provenance: Mapping[str, Any], decide_only: Collection[str]) -> str:
    """The SHA-256 of everything that findings depend on.

    Args:
        photo: SHA-256 of the photo's bytes.
        provenance: The teacher's, from `sidecar.provenance`.
        decide_only: Names of settings to leave out: findings do not depend on them.
    """
    settings = {name: value for name, value in provenance["settings"].items() if name not in decide_only}
    parts = {**provenance, "settings": settings, "photo": photo}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FindingsCache:
    """A folder of findings."""

    folder: Path

    def path(self, key: str) -> Path:
        """The file for that key, whether it exists or not."""
        return self.folder / key[:2] / f"{key}.npz"

    def get(self, key: str) -> CachedFindings | None:
        """The findings for that key; None if there are none, or the file is damaged."""
        try:
            # Read into memory first: numpy leaves the handle of a damaged file open.
            with np.load(io.BytesIO(self.path(key).read_bytes()), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            (rows, columns), seconds = arrays.pop("size").tolist(), float(arrays.pop("seconds"))
            # If the zip directory is damaged it may list fewer files than there are; only the count shows it.
            if arrays.pop("count") != len(arrays):
                return None
            found = Findings((rows, columns), {name.removeprefix("_"): array for name, array in arrays.items()})
            return CachedFindings(found, seconds)
        except _DAMAGE:
            return None

    def put(self, key: str, cached: CachedFindings) -> None:
        """Save findings.

        Raises:
            TypeError: They hold object arrays, which only pickle could write.
            BadInput: The folder cannot be written to, or its disk is full.
        """
        arrays = {f"_{name}": np.asarray(array) for name, array in cached.findings.arrays.items()}
        if objects := [name[1:] for name, array in arrays.items() if array.dtype.hasobject]:
            raise TypeError(f"findings {', '.join(objects)} hold objects, expected numbers, truth values or text")
        # Write into memory first: on a full disk numpy leaves its file open, and closing it later fails again.
        file = io.BytesIO()
        np.savez_compressed(file, size=cached.findings.size, seconds=cached.seconds, count=len(arrays), **arrays)
        with atomic_path(self.path(key)) as temporary:
            temporary.write_bytes(file.getbuffer())
