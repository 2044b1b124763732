"""What the columns of an export hold, whichever file they go into."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from altus4_desktop.domain.schema import ColumnInfo
from altus4_desktop.domain.searching import Value

_INTEGER_BITS = {
    "tinyint": 8,
    "smallint": 16,
    "mediumint": 32,
    "int": 32,
    "bigint": 64,
    "year": 16,
}
_BINARY = frozenset(
    {
        "binary",
        "varbinary",
        "tinyblob",
        "blob",
        "mediumblob",
        "longblob",
        "vector",
        "geometry",
        "point",
        "linestring",
        "polygon",
        "multipoint",
        "multilinestring",
        "multipolygon",
        "geomcollection",
        "geometrycollection",
    }
)
_SIZES = re.compile(r"\((\d+)(?:,(\d+))?\)")
_LARGEST_SIGNED = 2**63 - 1


class Form(Enum):
    """What a value is."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    DATE = "date"
    DATETIME = "datetime"
    BINARY = "binary"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class CellType:
    """``bits`` of integers and floats, ``digits`` and ``scale`` of decimals; ``scale`` of dates
    with a time is how many digits a second has."""

    form: Form
    bits: int = 0
    signed: bool = True
    digits: int = 0
    scale: int = 0


TEXT = CellType(Form.TEXT)


def column_type(column: ColumnInfo) -> CellType:
    """What a column of a table holds; TIME, which may be a span of days, is text."""
    name, declared = column.data_type.lower(), column.type.lower()
    found = _SIZES.search(declared)
    size, scale = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    if name in _INTEGER_BITS:
        return CellType(Form.INTEGER, _INTEGER_BITS[name], signed="unsigned" not in declared)
    if name in _BINARY:
        return CellType(Form.BINARY)
    match name:
        case "bit":
            return CellType(Form.INTEGER, 64, signed=False)
        case "decimal":
            return CellType(Form.DECIMAL, digits=size or 10, scale=scale)
        case "float" | "double":
            return CellType(Form.FLOAT, 32 if name == "float" else 64)
        case "date":
            return CellType(Form.DATE)
        case "datetime" | "timestamp":
            return CellType(Form.DATETIME, scale=size)
        case _:
            return TEXT


def type_of_values(values: Iterable[Value]) -> CellType:
    """What holds all ``values``, of a column that nothing else is known of."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bytes) for value in known):
        return CellType(Form.BINARY)
    if known and all(isinstance(value, int) for value in known):
        large = any(value > _LARGEST_SIGNED for value in known if isinstance(value, int))
        return CellType(Form.INTEGER, 64, signed=not large)
    if known and all(isinstance(value, float) for value in known):
        return CellType(Form.FLOAT, 64)
    return TEXT


def common_type(types: Sequence[CellType]) -> CellType:
    """What holds the values of several columns of one name exactly; text where nothing else does.

    Integers of all sizes that have no common one are decimals.
    """
    first = types[0]
    if all(other == first for other in types):
        return first
    forms = {each.form for each in types}
    if forms == {Form.INTEGER}:
        bits = max(each.bits for each in types)
        if not any(each.signed for each in types):
            return CellType(Form.INTEGER, bits, signed=False)
        needed = max(each.bits if each.signed else each.bits * 2 for each in types)
        if needed > 64:
            return CellType(Form.DECIMAL, digits=20)
        return CellType(Form.INTEGER, needed)
    if forms == {Form.DECIMAL}:
        scale = max(each.scale for each in types)
        whole = max(each.digits - each.scale for each in types)
        return CellType(Form.DECIMAL, digits=whole + scale, scale=scale)
    if forms == {Form.FLOAT}:
        return CellType(Form.FLOAT, 64)
    if forms == {Form.DATETIME}:
        return CellType(Form.DATETIME, scale=max(each.scale for each in types))
    return TEXT
