"""A TFLite model under construction: tensors, constants and operators by index, then the flatbuffer's bytes.

Knows the file format and nothing of ONNX. The same calls give the same bytes.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import numpy as np

from conversion.source.node import needed
from conversion.tflite import builtin
from conversion.tflite.packing import pack
from training.student.arrays import Array

SIGNATURE = "serving_default"
DESCRIPTION = "Pocketmask"
_SCHEMA_VERSION = 3
# Codes up to here fit the one byte that runtimes before 2.4 read; later ones put this number there instead.
_LAST_DEPRECATED_CODE = 127
_TYPES = {"float32": "FLOAT32", "float16": "FLOAT16", "int32": "INT32", "uint8": "UINT8", "bool": "BOOL"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of the file; `buffer` 0 means that it is computed."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    buffer: int = 0


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of the file, in the order of execution."""

    builtin: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Buffer:
    index: int
    data: memoryview


class Program:
    """A model that grows by one tensor or operator at a time."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []
        # By convention buffer 0 is empty: it belongs to every computed tensor.
        self._buffers: dict[bytes, _Buffer] = {b"": _Buffer(0, memoryview(b""))}
        self._constants: dict[tuple[Any, ...], int] = {}

    def tensor(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
        """The index of a new computed tensor."""
        self.tensors.append(Tensor(name, shape, dtype))
        return len(self.tensors) - 1

    def constant(self, name: str, value: Array) -> int:
        """The index of a constant; one of equal value, shape and type is taken again under its first name."""
        data = np.ascontiguousarray(value).reshape(-1).view(np.uint8).data
        digest = hashlib.sha256(data).digest() if data else b""
        key = (value.dtype.str, value.shape, digest)
        if key not in self._constants:
            buffer = self._buffers.setdefault(digest, _Buffer(len(self._buffers), data))
            self.tensors.append(Tensor(name, value.shape, value.dtype, buffer.index))
            self._constants[key] = len(self.tensors) - 1
        return self._constants[key]

    def rename(self, index: int, name: str) -> None:
        """Call a tensor by another name, which only one shall have."""
        for other, tensor in enumerate(self.tensors):
            if tensor.name == name:
                self.tensors[other] = replace(tensor, name=f"{name}/as computed")
        self.tensors[index] = replace(self.tensors[index], name=name)

    def operator(self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> None:
        """Append one operator; options are the schema's own, with enumerations by name and types as numpy's."""
        read = [self.tensors[index] for index in inputs]
        use = builtin.Use(tuple(tensor.shape for tensor in read), tuple(tensor.dtype for tensor in read), options)
        self.operators.append(Operator(name, builtin.version(name, use), tuple(inputs), tuple(outputs), options))

    def to_bytes(
        self, *, inputs: Mapping[str, int], outputs: Mapping[str, int], metadata: Mapping[str, bytes]
    ) -> bytes:
        """The finished file.

        Args:
            inputs: Tensor of each input, by the name that callers use.
            outputs: Likewise.
            metadata: What to carry along, by name.
        """
        from ai_edge_litert import schema_py_generated as schema

        buffers = [buffer.data for buffer in self._buffers.values()]
        entries = []
        for name, data in sorted(metadata.items()):
            entries.append(schema.MetadataT(name=name, buffer=len(buffers)))
            buffers.append(memoryview(data))
        operators = needed(self.operators, outputs.values(), attrgetter("inputs"), attrgetter("outputs"))
        codes = sorted({(operator.builtin, operator.version) for operator in operators})
        subgraph = schema.SubGraphT(
            name="main",
            tensors=[_tensor(tensor, schema) for tensor in _distinct(self.tensors)],
            inputs=list(inputs.values()),
            outputs=list(outputs.values()),
            operators=[
                _operator(operator, codes.index((operator.builtin, operator.version)), schema) for operator in operators
            ],
        )
        signature = schema.SignatureDefT(
            inputs=[schema.TensorMapT(name=name, tensorIndex=index) for name, index in inputs.items()],
            outputs=[schema.TensorMapT(name=name, tensorIndex=index) for name, index in outputs.items()],
            signatureKey=SIGNATURE,
        )
        model = schema.ModelT(
            version=_SCHEMA_VERSION,
            operatorCodes=[_code(name, version, schema) for name, version in codes],
            subgraphs=[subgraph],
            description=DESCRIPTION,
            buffers=[_buffer(data, schema) for data in buffers],
            metadata=entries,
            signatureDefs=[signature],
        )
        return pack(model)


def _distinct(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Under names of their own, which the format does not ask for but quantizers do."""
    taken: Counter[str] = Counter()
    found = []
    for tensor in tensors:
        taken[tensor.name] += 1
        again = taken[tensor.name]
        found.append(tensor if again == 1 else replace(tensor, name=f"{tensor.name}/{again}"))
    return found


def _buffer(data: memoryview, schema: Any) -> Any:
    buffer = schema.BufferT()
    buffer.data = data
    return buffer


def _tensor(tensor: Tensor, schema: Any) -> Any:
    return schema.TensorT(
        shape=list(tensor.shape),
        type=_type(tensor.dtype, schema),
        buffer=tensor.buffer,
        name=tensor.name,
        hasRank=True,
    )


def _code(name: str, version: int, schema: Any) -> Any:
    code = getattr(schema.BuiltinOperator, name)
    return schema.OperatorCodeT(
        builtinCode=code, deprecatedBuiltinCode=min(code, _LAST_DEPRECATED_CODE), version=version
    )


def _operator(operator: Operator, code: int, schema: Any) -> Any:
    written = schema.OperatorT(opcodeIndex=code, inputs=list(operator.inputs), outputs=list(operator.outputs))
    table = builtin.OPTIONS[operator.builtin]
    if table is not None:
        written.builtinOptionsType = getattr(schema.BuiltinOptions, table)
        written.builtinOptions = getattr(schema, f"{table}T")()
    for option, value in operator.options.items():
        assert hasattr(written.builtinOptions, option), f"{operator.builtin} has no option {option}"
        setattr(written.builtinOptions, option, _plain(option, value, schema))
    return written


def _plain(option: str, value: Any, schema: Any) -> Any:
    if isinstance(value, np.dtype):
        return _type(value, schema)
    return getattr(getattr(schema, _ENUMERATIONS[option]), value) if option in _ENUMERATIONS else value


def _type(dtype: np.dtype[Any], schema: Any) -> int:
    code: int = getattr(schema.TensorType, _TYPES[dtype.name])
    return code


_ENUMERATIONS = {
    "padding": "Padding",
    "fusedActivationFunction": "ActivationFunctionType",
    "mode": "MirrorPadMode",
}
