"""What rows are called where they are judged: ``connection/table/key``, percent-encoded.

Files name a connection by its name; the store keeps its id, so that a new name of the connection
changes no judgement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote, unquote

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.query_sets import JudgedRow
from altus4_desktop.domain.searching import SearchHit, Value


def quoted(value: Value) -> str:
    """``value`` without spaces, slashes and commas, as TREC's columns need it."""
    if isinstance(value, bytes):
        return quote(value, safe="")
    return quote("" if value is None else str(value), safe=":+@", errors="replace")


def key_name(hit: SearchHit) -> str:
    """The values of the row's key with commas between; raises InputError for a row without one."""
    if not hit.key:
        raise InputError(
            "id_column",
            "The rows of “{table}” have no key that judgements could name.",
            hint="Choose a column that tells them apart, or leave the table out.",
            table=hit.source.table,
        )
    return ",".join(quoted(value) for value in hit.key.values())


def row_name(hit: SearchHit) -> str:
    """What a row is called in judgements; raises InputError for a row without a key."""
    return f"{quoted(hit.source.connection)}/{quoted(hit.source.table)}/{key_name(hit)}"


def judged_row(hit: SearchHit) -> JudgedRow:
    """The row as the store keeps it; raises InputError for a row without a key."""
    source = hit.source
    document = f"{quoted(source.table)}/{key_name(hit)}"
    if not source.connection_id:
        return JudgedRow("", "", f"{quoted(source.connection)}/{document}")
    return JudgedRow(source.connection_id, source.connection, document)


class RowNames:
    """Names of rows, and the rows of names, by the connections that somebody has now.

    Of several connections with one name the first counts.
    """

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._names: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        for connection in connections:
            self._names[connection.id] = connection.name
            self._ids.setdefault(connection.name, connection.id)

    def name(self, row: JudgedRow) -> str:
        """What the row is called now; with the connection's last known name where it is gone."""
        if not row.connection_id:
            return row.document
        return f"{quoted(self.renamed(row).connection_name)}/{row.document}"

    def renamed(self, row: JudgedRow) -> JudgedRow:
        """The row with the name that its connection has now."""
        name = self._names.get(row.connection_id, row.connection_name)
        return replace(row, connection_name=name)

    def has(self, connection_name: str) -> bool:
        """Whether a connection is called so now."""
        return connection_name in self._ids

    def row(self, name: str) -> JudgedRow:
        """The row of a name as the store keeps it; any other name than a row's is kept whole."""
        beginning, slash, document = name.partition("/")
        connection = unquote(beginning)
        connection_id = self._ids.get(connection, "")
        # Written in another way it would come back as another name.
        if connection_id and slash and document and quoted(connection) == beginning:
            return JudgedRow(connection_id, connection, document)
        return JudgedRow("", "", name)
