"""A TFLite file that shows all that it computes.

XNNPACK keeps to itself what it can; an output it has to give. The results stay the same to the bit.
"""


def exposed(model: bytes) -> bytes:
    """A TFLite model whose outputs are all the tensors that it computes from its input."""
    import flatbuffers
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
    builder = flatbuffers.Builder(len(model) + 2**16)
    builder.Finish(unpacked.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
