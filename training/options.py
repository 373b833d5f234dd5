"""Typed options from a YAML file and `key=value` overrides, with errors that name the key and what was meant."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from training.student.errors import BadInput
from training.student.renamed import with_new_names

Options = TypeVar("Options", bound=BaseModel)

_COMMAND_LINE = "KEY=VALUE"


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
        try:
            given = with_new_names(_parse_mapping(path.read_bytes(), kind, str(path)), str(path), renamed)
        except OSError as error:
            raise BadInput(f"cannot read {path}: {error.strerror}; expected a YAML file of {kind} keys") from error
    _refuse_unknown(model, given, kind, str(path))
    replaced: dict[str, Any] = {}
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise BadInput(f"override '{override}' is not of the form key=value")
        replaced[key.strip()] = _parse(value, override)
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
        raise BadInput(f"{kind} {where}: " + "; ".join(map(_describe, error.errors()))) from error


def _refuse_unknown(model: type[BaseModel], given: dict[str, Any], kind: str, where: str) -> None:
    known = [field.alias or name for name, field in model.model_fields.items()]
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}" if known else "it has none"
            raise BadInput(f"unknown {kind} key '{key}' in {where}; {hint}")


def _describe(fault: Any) -> str:
    place, said = ".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "missing":
        return f"{place} is missing; add {place}=…"
    # Without a place it is about several options together, and names them.
    return f"{place}={fault['input']!r}: {said}" if place else str(said)


def _parse_mapping(text: bytes, kind: str, where: str) -> dict[str, Any]:
    found = _parse(text, where)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadInput(f"{kind} {where} must be a mapping of keys to values, found {type(found).__name__}")
    return found


def _parse(text: str | bytes, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput(f"{where} is not YAML: {' '.join(str(error).split())}") from error
