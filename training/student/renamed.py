"""Options whose names have changed: files with the old names are still read in this version, with a note."""

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from training.student.errors import BadInput

RENAMED: Mapping[str, str] = MappingProxyType(
    {
        "slim": "width_multiplier",
        "join": "decoder_type",
        "whole": "single_partition",
        "average": "ema_decay",
        "open": "opening",
        "clip": "gradient_clip",
    }
)
"""Options of a recipe, and of a checkpoint's architecture: old name to new. Delete a row in the version after this."""


_NOTED: set[str] = set()
"""Old names that this process has noted: a run holds them in several files, which are read many times."""


def with_new_names(given: Mapping[Any, Any], where: str, renamed: Mapping[str, str] = RENAMED) -> dict[Any, Any]:
    """Options under their new names; standard error gets a note for old ones.

    Args:
        given: By name, as a YAML or JSON file or the command line has them.
        where: Which of them, for messages.
        renamed: Old names and new.

    Raises:
        BadInput: An option is given under both names.
    """
    old = [name for name in renamed if name in given]
    for name in old:
        if renamed[name] in given:
            raise BadInput(f"{where} gives both {renamed[name]} and {name}, its old name; leave {name} out")
    if new := [name for name in old if name not in _NOTED]:
        _NOTED.update(new)
        said = ", ".join(f"{name} is now {renamed[name]}" for name in new)
        sys.stderr.write(f"note: {where}: {said}; the next version reads the new names only\n")
    return {renamed.get(name, name): value for name, value in given.items()}
