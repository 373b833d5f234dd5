"""ONNX files in ONNX Runtime on the CPU."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conversion.artefact.contents import Tensor
from conversion.runtimes.model import Model, as_input, make_noise
from conversion.source.session import open_session
from training.student.arrays import Array

_TYPES = {"float": "float32", "double": "float64"}
"""ONNX Runtime's names of types where they are not numpy's."""


def open_onnxruntime(source: Path | bytes, *, threads: int = 0) -> Model:
    """A file, with those that hold its weights beside it, or the bytes of one; see `open_session`."""
    session = open_session(source, threads=threads)
    inputs, outputs = [_described(entry) for entry in session.get_inputs()], session.get_outputs()
    fed: dict[str, Array] = {}
    found: list[Array] = []

    def feed(arrays: Sequence[Array]) -> None:
        fed.update((tensor.name, as_input(array, tensor)) for tensor, array in zip(inputs, arrays, strict=True))

    def invoke() -> None:
        found[:] = session.run(None, fed)

    return Model(
        inputs=inputs,
        outputs=[_described(entry) for entry in outputs],
        feed=feed,
        invoke=invoke,
        results=lambda: found,
        facts={"operator_shares": lambda: _operator_shares(source)},
    )


def _operator_shares(source: Path | bytes, runs: int = 10) -> dict[str, float]:
    """The share of the time that each kind of operator takes, largest first; one thread."""
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(source, threads=1, profile=Path(folder) / "profile")
        tensors = [_described(entry) for entry in session.get_inputs()]
        feed = {tensor.name: array for tensor, array in zip(tensors, make_noise(tensors), strict=True)}
        for _ in range(runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    spent: dict[str, float] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            kind = event["args"]["op_name"]
            spent[kind] = spent.get(kind, 0.0) + event["dur"]
    whole = sum(spent.values()) or 1.0
    return {kind: part / whole for kind, part in sorted(spent.items(), key=lambda entry: -entry[1])}


def _described(entry: Any) -> Tensor:
    kind = entry.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) else size or "?" for size in entry.shape)
    return Tensor(entry.name, shape, _TYPES.get(kind, kind))
