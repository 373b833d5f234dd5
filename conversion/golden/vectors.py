"""Writes the golden vectors: the results of the Python reference for each case, which Swift and Kotlin must reproduce.

docs/golden.md specifies the files and the arithmetic, so that an app can be written from it without reading Python.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from conversion.golden import cases
from training.student import effects
from training.student.arrays import Floats, Pixels
from training.student.atomic_write import write_text
from training.student.contract import Contract
from training.student.postprocess import postprocess
from training.student.preprocess import preprocess
from training.student.resize import bilinear

SCHEMA = 1


def write_vectors(folder: Path) -> None:
    """Write each file of `VECTOR_FILES` into `folder`, as JSON; the same bytes every time.

    Raises:
        BadInput: The folder cannot be written to.
    """
    for stem, (named, vector) in VECTOR_FILES.items():
        write_vector_file(folder / f"{stem}.json", [{"name": name, **vector(case)} for name, case in named.items()])


def write_vector_file(path: Path, vectors: Sequence[Mapping[str, Any]]) -> None:
    """Write vectors, each with a `name`, as one file of docs/golden.md.

    Raises:
        BadInput: The file cannot be written.
    """
    write_text(path, json.dumps({"schema": SCHEMA, "vectors": vectors}, indent=1) + "\n")


def photo_vector(name: str, photo: Pixels, contract: Contract, logits: Floats) -> dict[str, Any]:
    """The vector of one artefact on one photo, with which an app's self-test compares its own result."""
    mask = postprocess(logits, contract, photo.shape[0], photo.shape[1])
    given = {"contract": _contract(contract), "photo": _tensor(photo)}
    return {"name": name, **given, "logits": _tensor(logits), "mask": _tensor(mask)}


def _resize(case: cases.Resize) -> dict[str, Any]:
    resized = bilinear(case.values, case.height, case.width)
    return {"values": _tensor(case.values), "resized": _tensor(resized)}


def _preprocess(case: cases.Preprocess) -> dict[str, Any]:
    made = preprocess(case.photo, case.contract)
    return {"contract": _contract(case.contract), "photo": _tensor(case.photo), "input": _tensor(made)}


def _postprocess(case: cases.Postprocess) -> dict[str, Any]:
    mask = postprocess(case.logits, case.contract, case.height, case.width)
    return {"contract": _contract(case.contract), "logits": _tensor(case.logits), "mask": _tensor(mask)}


def _overlay(case: cases.Overlay) -> dict[str, Any]:
    picture = effects.overlay(case.photo, case.mask, case.classes)
    given = {"photo": _tensor(case.photo), "mask": _tensor(case.mask), "classes": case.classes}
    return {**given, "picture": _tensor(picture)}


def _cut_out(case: cases.CutOut) -> dict[str, Any]:
    picture = effects.cut_out(case.photo, case.foreground, case.feather)
    given = {"photo": _tensor(case.photo), "foreground": _tensor(case.foreground), "feather": case.feather}
    return {**given, "picture": _tensor(picture)}


def _background(case: cases.Background) -> dict[str, Any]:
    picture = effects.blurred_background(case.photo, case.foreground, case.feather, case.radius)
    given = {"photo": _tensor(case.photo), "foreground": _tensor(case.foreground)}
    return {**given, "feather": case.feather, "radius": case.radius, "picture": _tensor(picture)}


def _smooth(case: cases.Smooth) -> dict[str, Any]:
    drawn = effects.smoothed(case.previous, case.logits, case.rate)
    given = {"previous": _tensor(case.previous), "logits": _tensor(case.logits), "rate": case.rate}
    return {**given, "smoothed": _tensor(drawn)}


def _contract(contract: Contract) -> Any:
    return json.loads(contract.to_json())


def _tensor(values: NDArray[Any]) -> dict[str, Any]:
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return {"type": values.dtype.name, "shape": list(values.shape), "data": base64.b64encode(data).decode()}


VECTOR_FILES: Mapping[str, tuple[Mapping[str, Any], Callable[[Any], dict[str, Any]]]] = MappingProxyType(
    {
        "resize": (cases.RESIZE, _resize),
        "preprocess": (cases.PREPROCESS, _preprocess),
        "postprocess": (cases.POSTPROCESS, _postprocess),
        "overlay": (cases.OVERLAY, _overlay),
        "cut_out": (cases.CUT_OUT, _cut_out),
        "background": (cases.BACKGROUND, _background),
        "smooth": (cases.SMOOTH, _smooth),
    }
)
"""For the name of each file: its cases, and the function that makes the vector of one case."""
