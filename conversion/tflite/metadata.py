"""The texts that a TFLite file carries along, such as our contract."""

from pathlib import Path


def read_metadata(model: bytes | Path | str) -> dict[str, str]:
    """Name and text of each metadata entry; entries that are not UTF-8 text are left out.

    Args:
        model: The file's bytes, or where it lies.
    """
    from ai_edge_litert import schema_py_generated as schema

    data = model if isinstance(model, bytes) else Path(model).read_bytes()
    root = schema.Model.GetRootAs(data, 0)
    texts = {}
    for i in range(root.MetadataLength()):
        entry = root.Metadata(i)
        buffer = root.Buffers(entry.Buffer())
        try:
            text = bytes(buffer.DataAsNumpy()).decode() if buffer.DataLength() else ""
        except UnicodeDecodeError:
            continue
        texts[entry.Name().decode()] = text
    return texts
