"""TFLite models as bytes, with the alignment that the schema asks for and the generated classes do not give."""

from typing import Any

_FILE_IDENTIFIER = b"TFL3"
# Kernels read constants in place, some with aligned vector loads; the schema asks for this of every buffer.
_ALIGNMENT = 16


def pack(model: Any) -> bytes:
    """The file of a `ModelT`, whose buffers hold bytes or arrays of them; the same model gives the same bytes."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    contents = [memoryview(b"" if buffer.data is None else buffer.data).cast("B") for buffer in model.buffers]
    model.buffers = [_AlignedBuffer(data, schema) for data in contents]
    # Room for all constants at once: growing the builder copies everything written so far.
    entries = len(contents) + sum(len(graph.tensors) + len(graph.operators) for graph in model.subgraphs)
    builder = flatbuffers.Builder(sum(map(len, contents)) + 2**9 * entries)
    builder.Finish(model.Pack(builder), file_identifier=_FILE_IDENTIFIER)
    return bytes(memoryview(builder.Bytes)[builder.Head() :])


def expose_tensors(model: bytes) -> bytes:
    """The same model with every tensor that it computes from its input as an output.

    XNNPACK gives out only the outputs of a model, so this shows all that it computes; results stay the same to the bit.
    """
    from ai_edge_litert import schema_py_generated as schema

    unpacked = schema.ModelT.InitFromPackedBuf(bytearray(model), 0)
    (subgraph,) = unpacked.subgraphs
    computed = set(subgraph.inputs)
    outputs = []
    for operator in subgraph.operators:
        # Weights that are merely widened from float16 are computed, too, but not from the input.
        if computed.intersection(operator.inputs):
            computed.update(operator.outputs)
            outputs += list(operator.outputs)
    subgraph.outputs = outputs
    unpacked.signatureDefs = None
    return pack(unpacked)


class _AlignedBuffer:
    """Stands in for a `BufferT` while a model is packed."""

    def __init__(self, data: memoryview, schema: Any) -> None:
        self._data, self._schema = data, schema

    def Pack(self, builder: Any) -> int:  # noqa: N802 (the generated schema calls it so)
        offset = self._vector(builder) if self._data else None
        self._schema.BufferStart(builder)
        if offset is not None:
            self._schema.BufferAddData(builder, offset)
        written: int = self._schema.BufferEnd(builder)
        return written

    def _vector(self, builder: Any) -> int:
        size = len(self._data)
        builder.StartVector(1, size, _ALIGNMENT)
        head = builder.head - size
        builder.head = head
        builder.Bytes[head : head + size] = self._data
        offset: int = builder.EndVector()
        return offset
