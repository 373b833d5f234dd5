"""The contents of any TFLite file."""

import struct
from collections import Counter
from pathlib import Path
from typing import Any

from conversion.artefact.contents import Contents, Tensor
from conversion.tflite import mediapipe
from conversion.tflite.metadata import read_entries, read_metadata
from training.student.errors import BadInput, one_line


def read_contents(path: Path) -> Contents:
    """The contents of a TFLite file.

    Raises:
        BadInput: It is damaged.
    """
    data = path.read_bytes()
    try:
        return _held(data)
    # A damaged offset leads out of the file, or to what is no text.
    except (ValueError, IndexError, TypeError, AttributeError, struct.error) as error:
        raise BadInput(f"{path} is no readable TFLite file ({one_line(error)}); convert it again") from error


def _held(data: bytes) -> Contents:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(data, 0)
    main = model.Subgraphs(0)
    operators: Counter[str] = Counter()
    weights: dict[int, tuple[str, int]] = {}
    for i in range(model.SubgraphsLength()):
        subgraph = model.Subgraphs(i)
        for operator in (subgraph.Operators(j) for j in range(subgraph.OperatorsLength())):
            operators[_name(model.OperatorCodes(operator.OpcodeIndex()), schema)] += 1
        for tensor in (subgraph.Tensors(j) for j in range(subgraph.TensorsLength())):
            if size := model.Buffers(tensor.Buffer()).DataLength():
                weights[tensor.Buffer()] = _type(tensor, schema), size
    by_type: Counter[str] = Counter()
    for kind, size in weights.values():
        by_type[kind] += size
    return Contents(
        format=f"TFLite, schema {model.Version()}",
        inputs=[_described(main.Tensors(main.Inputs(i)), schema) for i in range(main.InputsLength())],
        outputs=[_described(main.Tensors(main.Outputs(i)), schema) for i in range(main.OutputsLength())],
        operators=dict(operators),
        weights=dict(by_type),
        metadata=_metadata(data, model),
    )


def _name(code: Any, schema: Any) -> str:
    if custom := code.CustomCode():
        return f"custom {custom.decode(errors='replace')}"
    # Codes above 127 do not fit the older of the two fields, smaller ones may be in that alone.
    return _key(schema.BuiltinOperator, max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))


def _type(tensor: Any, schema: Any) -> str:
    return _key(schema.TensorType, tensor.Type()).lower()


def _key(enumeration: Any, value: int) -> str:
    names: dict[int, str] = {number: name for name, number in vars(enumeration).items() if isinstance(number, int)}
    return names.get(value, f"unknown {value}")


def _described(tensor: Any, schema: Any) -> Tensor:
    sizes = tensor.ShapeSignatureAsNumpy() if tensor.ShapeSignatureLength() else tensor.ShapeAsNumpy()
    shape = tuple("?" if size < 0 else int(size) for size in sizes) if tensor.ShapeLength() else ()
    kind = _type(tensor, schema)
    quantised = tensor.Quantization()
    if quantised is not None and quantised.ScaleLength() == 1:
        kind += f", {quantised.Scale(0):.6g} × (value − {quantised.ZeroPoint(0) if quantised.ZeroPointLength() else 0})"
    return Tensor((tensor.Name() or b"").decode(errors="replace"), shape, kind)


def _metadata(data: bytes, model: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"description": (model.Description() or b"").decode(errors="replace")}
    found.update(read_metadata(data))
    if (entry := read_entries(data).get(mediapipe.ENTRY)) is not None:
        try:
            found[mediapipe.ENTRY] = mediapipe.read_metadata(entry)
        except BadInput as error:
            found[mediapipe.ENTRY] = str(error)
    if labels := mediapipe.labels(data):
        found[mediapipe.LABELS] = labels
    return found
