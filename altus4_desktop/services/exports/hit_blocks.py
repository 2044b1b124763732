"""Hits in the form in which rows come from a server, for the writers of such rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from altus4_desktop.domain.schema import DatabaseSchema
from altus4_desktop.domain.searching import SearchHit, Value
from altus4_desktop.services.exports.bulk import BulkSource
from altus4_desktop.services.exports.cell_types import CellType, column_type, type_of_values

if TYPE_CHECKING:
    from altus4_desktop.mysql.stream import RowBlock

TableKey = tuple[str, str]


def table_of(hit: SearchHit) -> TableKey:
    """Which table of which connection a hit is of."""
    return hit.source.connection_id, hit.source.table


def by_table(hits: Sequence[SearchHit]) -> list[SearchHit]:
    """``hits`` table by table, the table of the best hit first, each in its order."""
    places = {key: place for place, key in enumerate(dict.fromkeys(map(table_of, hits)))}
    return sorted(hits, key=lambda hit: places[table_of(hit)])


def types_of_hits(
    hits: Sequence[SearchHit], find_schema: Callable[[str], DatabaseSchema | None]
) -> Mapping[TableKey, Mapping[str, CellType]]:
    """What the columns of the hits' tables hold: as declared, or by their values where no schema
    is known."""
    values: dict[TableKey, dict[str, list[Value]]] = {}
    for hit in hits:
        columns = values.setdefault(table_of(hit), {})
        for name, value in hit.columns.items():
            columns.setdefault(name, []).append(value)
    found = {}
    for key, columns in values.items():
        schema = find_schema(key[0])
        table = None if schema is None else schema.table(key[1])
        declared = {c.name: column_type(c) for c in table.columns} if table is not None else {}
        found[key] = {
            name: declared.get(name) or type_of_values(cells) for name, cells in columns.items()
        }
    return found


def block_of(hit: SearchHit, types: Mapping[str, CellType]) -> tuple[RowBlock, BulkSource]:
    """A block of the one row, and whose it is."""
    from altus4_desktop.mysql.stream import CellKind, RowBlock

    kinds, columns = [], []
    for value in (*(hit.columns.get(name) for name in types), hit.score):
        cell: bytes | None
        match value:
            case None:
                kind, cell = CellKind.TEXT, None
            case bytes():
                kind, cell = CellKind.BINARY, value
            case str():
                kind, cell = CellKind.TEXT, value.encode("utf-8", "replace")
            case int():
                kind, cell = CellKind.INTEGER, b"%d" % value
            case _:
                kind, cell = CellKind.FLOAT, repr(value).encode()
        kinds.append(kind)
        columns.append([cell])
    place = hit.source.connection, hit.source.table
    return RowBlock(tuple(columns)), BulkSource(place, tuple(hit.key), list(types), kinds, types)
