"""What a TFLite file carries along by name, such as our contract."""

from pathlib import Path


def read_entries(model: bytes) -> dict[str, bytes]:
    """Name and bytes of each metadata entry.

    Args:
        model: A file that LiteRT's verifier would accept.
    """
    from ai_edge_litert import schema_py_generated as schema

    root = schema.Model.GetRootAs(model, 0)
    entries = {}
    for i in range(root.MetadataLength()):
        entry = root.Metadata(i)
        buffer = root.Buffers(entry.Buffer())
        entries[(entry.Name() or b"").decode(errors="replace")] = (
            bytes(buffer.DataAsNumpy()) if buffer.DataLength() else b""
        )
    return entries


def read_metadata(model: bytes | Path | str) -> dict[str, str]:
    """Name and text of each metadata entry; binary ones, such as MediaPipe's, are left out.

    Args:
        model: The file's bytes, or where it lies.
    """
    data = model if isinstance(model, bytes) else Path(model).read_bytes()
    return {name: entry.decode() for name, entry in read_entries(data).items() if _is_text(entry)}


def _is_text(entry: bytes) -> bool:
    try:
        entry.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in entry
