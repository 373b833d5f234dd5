"""What a model file is and holds, ours or anybody's."""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from conversion.artefact.contents import Contents, Tensor
from conversion.artefact.kinds import size
from conversion.artefact.metadata import CONTRACT_KEY, ENCODER_KEY, read_contract
from conversion.runtimes.isolated import IsolatedModel, prepare
from conversion.runtimes.process import RuntimeFailed
from training.student.contract import CONVENTIONS, Contract
from training.student.digest import sha256
from training.student.errors import BadInput, one_line
from training.student.support import read_support


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is found in one artefact."""

    path: Path
    bytes: int
    sha256: str
    contract: Contract | None
    contents: Contents

    def as_record(self) -> dict[str, Any]:
        """All that was found, for other programs."""
        return {
            "path": str(self.path),
            "bytes": self.bytes,
            "sha256": self.sha256,
            "contract": json.loads(self.contract.to_json()) if self.contract else None,
            "support": {kind: asdict(outcome) for kind, outcome in read_support().get(self._encoder, {}).items()},
            **asdict(self.contents),
        }

    def __str__(self) -> str:
        """For people."""
        held = self.contents
        rows = [
            ("artefact", f"{self.path}: {held.format}"),
            ("size", _size(self.bytes)),
            ("sha256", self.sha256),
            ("contract", _contract(self.contract)),
            *self._support(),
            *(("input", str(tensor)) for tensor in held.inputs),
            *(("output", str(tensor)) for tensor in held.outputs),
            ("operators", _counted(held.operators)),
            ("weights", ", ".join(f"{kind} {_size(stored)}" for kind, stored in _most(held.weights)) or "none"),
            *(("note", note) for note in held.notes),
            *((name, _brief_text(value)) for name, value in held.metadata.items()),
        ]
        width = min(max(len(name) for name, _ in rows), 40)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)

    @property
    def _encoder(self) -> str:
        return str(self.contents.metadata.get(ENCODER_KEY, ""))

    def _support(self) -> list[tuple[str, str]]:
        known = ", ".join(f"{kind} {outcome}" for kind, outcome in read_support().get(self._encoder, {}).items())
        return [("support", f"{self._encoder}, measured untrained against torch: {known}")] if known else []


def inspect(path: Path) -> Inspection:
    """Read an artefact, and open a TFLite file in LiteRT, in a child process, to see what XNNPACK takes of it.

    Raises:
        BadInput: As `read`, or LiteRT does not survive the file.
    """
    if path.suffix == ".tflite":
        prepare("litert")
    found = read(path)
    if path.suffix != ".tflite":
        return found
    return replace(found, contents=replace(found.contents, notes=[_partitions(path), *found.contents.notes]))


def read(path: Path) -> Inspection:
    """Read an artefact, from the file alone.

    Raises:
        BadInput: There is nothing at `path`, its kind is unknown, or it is damaged.
    """
    if not path.exists():
        raise BadInput(f"nothing lies at {path}")
    if path.suffix not in _READERS or path.is_dir() != (path.suffix == ".mlpackage"):
        known = ", ".join(_READERS)
        raise BadInput(f"{path} is no model that is known here; expected a file or package ending in {known}")
    try:
        contents = _READERS[path.suffix](path)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    contract, notes = None, contents.notes
    try:
        contract = read_contract(contents.metadata)
    except BadInput as error:
        notes = [*notes, f"its contract cannot be read: {error}"]
    metadata = {name: value for name, value in contents.metadata.items() if name != CONTRACT_KEY}
    contents = replace(contents, metadata=metadata, notes=notes)
    return Inspection(path, size(path), sha256(path), contract, contents)


def _tflite(path: Path) -> Contents:
    from conversion.tflite.contents import read_contents

    return read_contents(path)


def _partitions(path: Path) -> str:
    try:
        found = IsolatedModel("litert", path).tell("partitions")
    except BadInput as error:
        # LiteRT has read the file, but cannot run it. What it cannot even read, it says with other errors.
        if isinstance(error.__cause__, RuntimeFailed) and error.__cause__.kind == "RuntimeError":
            return f"LiteRT cannot run it here: {one_line(error.__cause__)}"
        raise
    outside = ", ".join(f"{name} {count}" for name, count in Counter(found["outside"]).items())
    plural = "" if found["count"] == 1 else "s"
    return f"XNNPACK runs it in {found['count']} partition{plural}; outside: {outside or 'nothing'}"


def _coreml(path: Path) -> Contents:
    from conversion.coreml.contents import read_contents

    return read_contents(path)


def _onnx(path: Path) -> Contents:
    import onnx

    try:
        found = _held(onnx.load(str(path)))
    except Exception as error:  # damaged files raise errors of protobuf and onnx
        raise BadInput(f"{path} is no readable ONNX file ({one_line(error)}); export it again") from error
    # An empty file is a valid protobuf message.
    if not found.operators:
        raise BadInput(f"{path} holds no network; export it again")
    return found


def _held(model: Any) -> Contents:
    initialisers = {tensor.name for tensor in model.graph.initializer}
    constants = [
        one.t for node in model.graph.node if node.op_type == "Constant" for one in node.attribute if one.t.dims
    ]
    weights: Counter[str] = Counter()
    for tensor in (*model.graph.initializer, *constants):
        weights[_onnx_type(tensor.data_type)] += _onnx_bytes(tensor)
    opsets = ", ".join(f"{_text(entry.domain) or 'ai.onnx'} {entry.version}" for entry in model.opset_import)
    texts = {name: _text(getattr(model, name)) for name in ("producer_name", "producer_version", "doc_string")}
    return Contents(
        format=f"ONNX, opset {opsets}",
        inputs=[_onnx_tensor(value) for value in model.graph.input if value.name not in initialisers],
        outputs=[_onnx_tensor(value) for value in model.graph.output],
        operators=dict(Counter(f"{_text(node.domain)}.{_text(node.op_type)}".lstrip(".") for node in model.graph.node)),
        weights=dict(weights),
        metadata={
            **{name: text for name, text in texts.items() if text},
            **{_text(entry.key): _text(entry.value) for entry in model.metadata_props},
        },
    )


def _onnx_tensor(value: Any) -> Tensor:
    tensor = value.type.tensor_type
    shape = tuple(size.dim_value if size.dim_value else _text(size.dim_param) or "?" for size in tensor.shape.dim)
    return Tensor(_text(value.name), shape, _onnx_type(tensor.elem_type))


def _text(found: str | bytes) -> str:
    """Protobuf gives bytes for what is no UTF-8."""
    return found if isinstance(found, str) else found.decode(errors="backslashreplace")


def _onnx_type(number: int) -> str:
    import onnx

    names: dict[int, str] = {value: name for name, value in onnx.TensorProto.DataType.items()}
    return names.get(number, f"unknown {number}").lower()


def _onnx_bytes(tensor: Any) -> int:
    from onnx.helper import tensor_dtype_to_np_dtype

    return len(tensor.raw_data) or math.prod(tensor.dims) * tensor_dtype_to_np_dtype(tensor.data_type).itemsize


def _checkpoint(path: Path) -> Contents:
    from training.student.checkpoint import load_checkpoint

    found = load_checkpoint(path)
    contract, leaves = found.contract, [one for one in found.student.modules() if not list(one.children())]
    architecture = asdict(found.architecture)
    weights: Counter[str] = Counter()
    for value in found.student.state_dict().values():
        weights[str(value.dtype).removeprefix("torch.")] += value.nbytes
    return Contents(
        format="student checkpoint",
        inputs=[Tensor(CONVENTIONS["input"], ("?", 3, contract.height, contract.width), "float32")],
        outputs=[Tensor(CONVENTIONS["output"], ("?", *contract.logits_shape), "float32")],
        operators=dict(Counter(type(leaf).__name__ for leaf in leaves)),
        weights=dict(weights),
        metadata={
            CONTRACT_KEY: contract.to_json(),
            ENCODER_KEY: architecture.pop("encoder"),
            **architecture,
            **found.facts,
        },
    )


_READERS: Mapping[str, Callable[[Path], Contents]] = MappingProxyType(
    {".tflite": _tflite, ".mlpackage": _coreml, ".onnx": _onnx, ".safetensors": _checkpoint}
)


def _contract(contract: Contract | None) -> str:
    if contract is None:
        return "none"
    decision = f"foreground above {contract.threshold:g}" if contract.is_binary else "the largest channel"
    opened = f", opened by {contract.open}" if contract.open > 1 else ""
    size = f"{contract.height} × {contract.width}, stride {contract.stride}"
    return f"{size}, {', '.join(contract.classes)}; {decision}{opened}"


def _size(stored: int) -> str:
    return f"{stored / 1e6:.2f} MB" if stored >= 1e4 else f"{stored} bytes"


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def _counted(operators: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in _most(operators)) or "none"


def _brief_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=repr)
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:300]} … ({len(line)} characters; --json shows them)"
