"""What is counted of searches, as columns: a store hands over a column in less time than rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from altus4_desktop.storage.json_text import json_bytes, load_json
from altus4_desktop.storage.roll_up_sql import CELL_END, facts_statement
from altus4_desktop.storage.tables import searches

Numbers = NDArray[np.int64]
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Facts:
    """A column for each thing that is counted, all in one order of the searches.

    ``told``: mode and, after a blank, a JSON array: outcome, offset, connections, id of the API
    key, cause. There are few such texts.
    """

    ids: Sequence[str]
    queries: Sequence[str]
    told: Sequence[str]
    seconds: Numbers
    ms: Numbers
    results: Numbers


def read_facts(
    connection: sa.Connection, user_id: str, begins: int, ends: int, *, on_file: bool
) -> Facts:
    """The user's searches from the second ``begins`` to before ``ends``.

    Raises ValueError where a server cuts even one search short.
    """
    if on_file:
        found = connection.execute(facts_statement(user_id, begins, ends, on_file=True)).one()
        ids, queries, told = map(load_json, found[:3])
        seconds, ms, results = (_numbers(cell[1:-1].decode(), ",") for cell in found[3:])
    else:
        cells = _read_whole(connection, user_id, begins, ends)
        ids, queries, told = (cell.split(CELL_END)[:-1] for cell in cells[:3])
        seconds, ms, results = (_numbers(cell[:-1], CELL_END) for cell in cells[3:])
    dated = seconds >= 0
    if not dated.all():
        ids, queries, told = ([*compress(column, dated)] for column in (ids, queries, told))
        seconds, ms, results = seconds[dated], ms[dated], results[dated]
    return Facts(ids, queries, told, seconds, ms, results)


def _read_whole(
    connection: sa.Connection, user_id: str, begins: int, ends: int, rows: range | None = None
) -> list[str]:
    statement = facts_statement(user_id, begins, ends, on_file=False, rows=rows)
    count, *cells = connection.execute(statement).one()
    if not count:
        return [""] * len(cells)
    if all(cell.count(CELL_END) == count for cell in cells):
        return cells
    if count == 1:
        ids, queries, told, *numbers = cells
        if not all(cell.endswith(CELL_END) for cell in (ids, queries, *numbers)):
            raise ValueError("A server cuts a single search short: see max_allowed_packet.")
        # What is told of it is too long, and no JSON when it is cut.
        return [ids, queries, told + CELL_END, *numbers]
    rows = range(count) if rows is None else rows
    halves = rows[: count // 2], rows[count // 2 :]
    parts = [_read_whole(connection, user_id, begins, ends, half) for half in halves]
    return ["".join(both) for both in zip(*parts, strict=True)]


def _numbers(cell: str, separator: str) -> Numbers:
    return np.fromstring(cell, np.int64, sep=separator) if cell else np.empty(0, np.int64)


def read_failures(
    connection: sa.Connection, ids: Sequence[str]
) -> dict[str, list[tuple[str, str, str]]]:
    """Of each of these searches the sources that failed: connection, table, code of the error."""
    c = searches.c
    found: dict[str, list[tuple[str, str, str]]] = {}
    for at in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[at : at + _IDS_AT_ONCE]
        params = json_bytes(c.search_params)
        for search_id, text in connection.execute(sa.select(c.id, params).where(c.id.in_(some))):
            document = load_json(text)
            sources = document.get("sources") if isinstance(document, dict) else None
            found[search_id] = [
                (_text(source, "connection"), _text(source, "table"), _text(source, "error"))
                for source in (sources if isinstance(sources, list) else ())
                if isinstance(source, dict) and _text(source, "error")
            ]
    return found


def _text(source: Mapping[str, Any], name: str) -> str:
    """Other programs may have written anything."""
    value = source.get(name)
    return value if isinstance(value, str) else ""
