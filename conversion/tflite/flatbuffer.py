"""Any flatbuffer as plain Python, by a literal schema: for formats whose generated code would be a dependency.

A table is a dict of its fields, with absent ones left out; a union's value is a pair of its table's name and dict.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.student.errors import BadInput


@dataclass(frozen=True, slots=True)
class Schema:
    """What flatc would read from an .fbs file.

    A field's type is `text`, `bytes`, a number of `_NUMBERS`, the name of a table or union, or one of these in
    brackets for a vector. The order of fields is the file's: a union takes two slots, its type and its value.
    """

    tables: Mapping[str, Mapping[str, str]]
    unions: Mapping[str, Sequence[str]]
    """Their tables in order; 0 stands for none, so that the first is 1."""

    def slots(self, table: str) -> dict[str, int]:
        """The slot of each field; a union's is that of its type, the value's is the next."""
        found, slot = {}, 0
        for name, kind in self.tables[table].items():
            found[name] = slot
            slot += 2 if kind.strip("[]") in self.unions else 1
        found[""] = slot
        return found

    def pack(self, root: str, value: Mapping[str, Any], identifier: bytes) -> bytes:
        """The bytes of a table of type `root`.

        Raises:
            KeyError: A field or type is not in the schema.
        """
        import flatbuffers

        builder = flatbuffers.Builder(1024)
        builder.Finish(_write_table(self, builder, root, value), file_identifier=identifier)
        return bytes(builder.Output())

    def unpack(self, root: str, data: bytes, identifier: bytes) -> dict[str, Any]:
        """What `pack` was given, from its bytes.

        Raises:
            BadInput: The bytes are not such a flatbuffer.
        """
        from flatbuffers.table import Table

        if data[4:8] != identifier:
            raise BadInput(f"flatbuffer is marked {data[4:8]!r}, expected {identifier!r}")
        try:
            return _read_table(self, Table(data, struct.unpack_from("<I", data)[0]), root)
        # Offsets that lead out of the buffer, or to what is no such thing.
        except (struct.error, IndexError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise BadInput(f"flatbuffer of {root} is damaged: {error}") from error


_NUMBERS: Mapping[str, tuple[str, int]] = {"byte": ("Int8", 1), "uint": ("Uint32", 4), "float": ("Float32", 4)}
"""The name of each in flatbuffers' own functions, and its size."""

# Nested flatbuffers are read in place.
_BYTES_ALIGNMENT = 16


def _write_table(schema: Schema, builder: Any, table: str, value: Mapping[str, Any]) -> int:
    fields, slots = schema.tables[table], schema.slots(table)
    written: list[tuple[str, int, Any]] = []
    for name, given in value.items():
        kind, slot = fields[name], slots[name]
        if kind in _NUMBERS:
            written.append((_NUMBERS[kind][0], slot, given))
        elif kind in schema.unions:
            member, inside = given
            written.append(("Uint8", slot, schema.unions[kind].index(member) + 1))
            written.append(("UOffsetTRelative", slot + 1, _write(schema, builder, member, inside)))
        else:
            written.append(("UOffsetTRelative", slot, _write(schema, builder, kind, given)))
    # Only now: a table holds no other, what it points to is written before it.
    builder.StartObject(slots[""])
    for number, slot, given in written:
        getattr(builder, f"Prepend{number}Slot")(slot, given, 0)
    offset: int = builder.EndObject()
    return offset


def _write(schema: Schema, builder: Any, kind: str, value: Any) -> int:
    offset: int
    if kind == "text":
        offset = builder.CreateString(value)
    elif kind == "bytes":
        builder.StartVector(1, len(value), _BYTES_ALIGNMENT)
        for byte in reversed(value):
            builder.PrependByte(byte)
        offset = builder.EndVector()
    elif kind.startswith("["):
        offset = _write_vector(schema, builder, kind.strip("[]"), value)
    else:
        offset = _write_table(schema, builder, kind, value)
    return offset


def _write_vector(schema: Schema, builder: Any, kind: str, values: Sequence[Any]) -> int:
    name, size = _NUMBERS.get(kind, ("UOffsetTRelative", 4))
    items = values if kind in _NUMBERS else [_write(schema, builder, kind, value) for value in values]
    builder.StartVector(size, len(items), size)
    for item in reversed(items):
        getattr(builder, f"Prepend{name}")(item)
    offset: int = builder.EndVector()
    return offset


def _read_table(schema: Schema, table: Any, kind: str) -> dict[str, Any]:
    value = {}
    for name, slot in schema.slots(kind).items():
        offset = table.Offset(4 + 2 * slot) if name else 0
        if not offset:
            continue
        of, at = schema.tables[kind][name], table.Pos + offset
        if of in schema.unions:
            # A member that the schema leaves out is left out here.
            if 1 <= (index := table.Bytes[at]) <= len(schema.unions[of]) and table.Offset(6 + 2 * slot):
                of = schema.unions[of][index - 1]
                value[name] = of, _read(schema, table, of, table.Pos + table.Offset(6 + 2 * slot))
        else:
            value[name] = _read(schema, table, of, at)
    return value


def _read(schema: Schema, table: Any, kind: str, at: int) -> Any:
    from flatbuffers import number_types
    from flatbuffers.table import Table

    if kind in _NUMBERS:
        return table.Get(getattr(number_types, f"{_NUMBERS[kind][0]}Flags"), at)
    if kind == "text":
        return table.String(at).decode()
    if kind != "bytes" and not kind.startswith("["):
        return _read_table(schema, Table(table.Bytes, table.Indirect(at)), kind)
    start, length = table.Vector(at - table.Pos), table.VectorLen(at - table.Pos)
    if start + length > len(table.Bytes):
        raise ValueError(f"a vector of {length} ends outside")
    if kind == "bytes":
        return bytes(table.Bytes[start : start + length])
    kind = kind.strip("[]")
    size = _NUMBERS.get(kind, ("", 4))[1]
    return [_read(schema, table, kind, start + i * size) for i in range(length)]
