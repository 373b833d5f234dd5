"""Typed options from a YAML file and `key=value` overrides, with errors that name the key and what was meant."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from training.student.bounded_read import MOST_YAML_BYTES, brief, parse_yaml, read_text
from training.student.errors import BadInput
from training.student.renamed import with_new_names

Options = TypeVar("Options", bound=BaseModel)

_COMMAND_LINE = "KEY=VALUE"
_MOST_FAULTS = 5
"""Named in one message."""


def read(
    model: type[Options],
    kind: str,
    path: Path | None = None,
    overrides: Iterable[str] = (),
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> Options:
    """The options of a YAML file, with overrides applied.

    Args:
        model: What they must fit.
        kind: Whose options they are, for messages.
        path: The file; None: overrides alone.
        overrides: `key=value`, the value read as YAML.
        renamed: Old names, which are still read with a note, and new.

    Raises:
        BadInput: The file is no mapping, an unknown key, a key under both its names, or a value that does not fit.
    """
    given: dict[str, Any] = {}
    if path is not None:
        text = read_text(path, f"expected a YAML file of {kind} keys", MOST_YAML_BYTES)
        given = with_new_names(_parse_mapping(text, kind, str(path)), str(path), renamed)
    _refuse_unknown(model, given, kind, str(path))
    replaced: dict[str, Any] = {}
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise BadInput(f"override '{brief(override)}' is not of the form key=value")
        replaced[key.strip()] = parse_yaml(value, brief(override))
    replaced = with_new_names(replaced, _COMMAND_LINE, renamed)
    _refuse_unknown(model, replaced, kind, _COMMAND_LINE)
    where = [str(path)] if path is not None else []
    if replaced or path is None:
        where.append(_COMMAND_LINE)
    return check(model, given | replaced, kind, " and ".join(where))


def check(model: type[Options], given: dict[str, Any], kind: str, where: str) -> Options:
    """The options of a mapping.

    Raises:
        BadInput: An unknown key, or a value that does not fit.
    """
    _refuse_unknown(model, given, kind, where)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        rest = [f"and {len(faults) - _MOST_FAULTS} more"] if len(faults) > _MOST_FAULTS else []
        said = "; ".join([*map(_describe, faults[:_MOST_FAULTS]), *rest])
        raise BadInput(f"{kind} {where}: {said}") from error


def _refuse_unknown(model: type[BaseModel], given: dict[str, Any], kind: str, where: str) -> None:
    known = [field.alias or name for name, field in model.model_fields.items()]
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(brief(key), known, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}" if known else "it has none"
            raise BadInput(f"unknown {kind} key '{brief(key)}' in {where}; {hint}")


def _describe(fault: Any) -> str:
    place, said = brief(".".join(map(str, fault["loc"]))), fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "missing":
        return f"{place} is missing; add {place}=…"
    # Without a place it is about several options together, and names them.
    return f"{place}={brief(repr(fault['input']))}: {brief(said, 300)}" if place else brief(said, 300)


def _parse_mapping(text: str, kind: str, where: str) -> dict[str, Any]:
    found = parse_yaml(text, where)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadInput(f"{kind} {where} must be a mapping of keys to values, found {type(found).__name__}")
    return found
