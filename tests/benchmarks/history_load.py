"""Puts a made-up history into a metadata store, quicker than any program would."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pymysql
from pymysql.cursors import Cursor

from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.storage.repositories.search_marks import marks_of
from tests.benchmarks.histories import COLUMNS, History, Row
from tests.servers import DatabaseServer
from tests.stores import StorePlace

# A server reads the rows from a file: it has to be allowed to.
SERVER_OPTIONS = ("--secure-file-priv=",)
_LISTED = ", ".join(COLUMNS)
_MARK_COLUMNS = "mark, created_at, search_id, user_id"
_LONG_S = 3600
# In one transaction, a server would write all of them down twice.
_ROWS_AT_ONCE = 250_000
# Foreign keys need theirs.
_KEPT_INDEXES = ("idx_user_id", "idx_database_id")
_Marks = Iterator[tuple[str, str, str, str]]


def load_file(place: StorePlace, history: History, *, searchable: bool = True) -> int:
    """Fill the migrated file at ``place``; returns the number of searches.

    Without ``searchable`` the words of the queries are not indexed, and searches stand in no list.
    """
    assert place.location.file is not None
    with contextlib.closing(sqlite3.connect(place.location.file, isolation_level=None)) as file:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -200000"):
            file.execute(f"PRAGMA {pragma}")
        parts = file.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'searches'"
            " AND type IN ('index', 'trigger') AND sql IS NOT NULL"
        ).fetchall()
        file.execute("BEGIN")
        for kind, name, _ in parts:
            file.execute(f'DROP {kind} "{name}"')
        file.executemany(
            "INSERT INTO users (id, name, email, password, timezone) VALUES (?, ?, ?, 'x', ?)",
            [(p.id, p.name, f"{p.id}@example.org", p.zone) for p in history.persons()],
        )
        file.executemany(
            "INSERT INTO databases (id, user_id, name, host, database_name, username,"
            " password_encrypted) VALUES (?, ?, ?, 'db.example.org', ?, 'reader', 'x')",
            [
                (key, person.id, name, name)
                for person in history.persons()
                for key, name in person.connections
            ],
        )
        count = 0
        values = ", ".join("?" * len(COLUMNS))
        marks = _Lists()
        listing = f"INSERT INTO search_marks ({_MARK_COLUMNS}) VALUES (?, ?, ?, ?)"
        for rows in history.rows():
            file.executemany(f"INSERT INTO searches ({_LISTED}) VALUES ({values})", rows)
            if searchable:
                file.executemany(listing, marks.of(rows))
            count += len(rows)
        file.executemany(listing, marks.ends())
        for _, _, text in parts:
            file.execute(text)
        if searchable:
            file.execute("INSERT INTO ft_query (ft_query) VALUES ('rebuild')")
        file.execute("COMMIT")
        file.execute("PRAGMA journal_mode = DELETE")
    return count


def load_server(
    server: DatabaseServer,
    database: str,
    history: History,
    folder: Path,
    *,
    searchable: bool = True,
) -> int:
    """The same for the migrated ``database`` of a server started with `SERVER_OPTIONS`."""
    with (
        contextlib.closing(
            pymysql.connect(
                unix_socket=server.socket,
                user="root",
                password=server.root_password,
                database=database,
                charset="utf8mb4",
                autocommit=True,
                read_timeout=_LONG_S,
            )
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SET SESSION foreign_key_checks = 0, unique_checks = 0, time_zone = '+00:00'"
        )
        cursor.executemany(
            "INSERT INTO users (id, name, email, password, timezone) VALUES (%s, %s, %s, 'x', %s)",
            [(p.id, p.name, f"{p.id}@example.org", p.zone) for p in history.persons()],
        )
        cursor.executemany(
            "INSERT INTO `databases` (id, user_id, name, host, database_name, username,"
            " password_encrypted) VALUES (%s, %s, %s, 'db.example.org', %s, 'reader', 'x')",
            [
                (key, person.id, name, name)
                for person in history.persons()
                for key, name in person.connections
            ],
        )
        later = _indexes(cursor)
        dropped = ", ".join(f"DROP INDEX {name}" for name in later)
        cursor.execute(f"ALTER TABLE searches {dropped}, DROP INDEX ft_query")
        count = _load_rows(cursor, history, folder, searchable=searchable)
        cursor.execute(
            f"LOAD DATA INFILE '{folder / 'marks.tsv'}' INTO TABLE search_marks ({_MARK_COLUMNS})"
        )
        added = ", ".join(f"ADD INDEX {name} ({columns})" for name, columns in later.items())
        cursor.execute(f"ALTER TABLE searches {added}")
        if searchable:
            cursor.execute("ALTER TABLE searches ADD FULLTEXT INDEX ft_query (query)")
        for table in ("searches", "search_marks"):
            cursor.execute(f"ANALYZE TABLE {table}")
            cursor.fetchall()
    return count


def _indexes(cursor: Cursor) -> dict[str, str]:
    """The columns of each index that can be made when the rows are there."""
    cursor.execute(
        "SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index)"
        " FROM information_schema.statistics WHERE table_schema = DATABASE()"
        " AND table_name = 'searches' AND index_name <> 'PRIMARY' AND index_type = 'BTREE'"
        " GROUP BY index_name"
    )
    return {name: columns for name, columns in cursor.fetchall() if name not in _KEPT_INDEXES}


def _load_rows(cursor: Cursor, history: History, folder: Path, *, searchable: bool) -> int:
    """Load the rows, and leave ``marks.tsv``."""
    count = 0
    marks = _Lists()
    waiting: list[str] = []
    file = folder / "rows.tsv"

    def load() -> None:
        file.write_text("".join(waiting), encoding="utf-8")
        file.chmod(0o644)
        cursor.execute(
            f"LOAD DATA INFILE '{file}' INTO TABLE searches"
            " CHARACTER SET utf8mb4 FIELDS ESCAPED BY ''"
            f" ({_LISTED.replace('database_id', '@source')})"
            " SET database_id = NULLIF(@source, '')"
        )
        file.unlink()
        waiting.clear()

    with (folder / "marks.tsv").open("w", encoding="utf-8") as listed:
        for rows in history.rows():
            count += len(rows)
            waiting += map(_line, rows)
            if searchable:
                listed.writelines(map(_line, marks.of(rows)))
            if len(waiting) >= _ROWS_AT_ONCE:
                load()
        listed.writelines(map(_line, marks.ends()))
    load()
    (folder / "marks.tsv").chmod(0o644)
    return count


def _line(parts: Sequence[str | int | None]) -> str:
    return "\t".join("" if part is None else str(part) for part in parts) + "\n"


class _Lists:
    """The lists in which searches stand, as the program keeps them."""

    def __init__(self) -> None:
        self._oldest: dict[str, tuple[str, str]] = {}

    def of(self, rows: Sequence[Row]) -> _Marks:
        """The rows of ``search_marks`` that belong to ``rows``."""
        for row in rows:
            here = row.created_at, row.id
            self._oldest[row.user_id] = min(self._oldest.get(row.user_id, here), here)
            record = SearchRecord(
                row.id,
                row.user_id,
                row.database_id,
                row.query,
                SearchMode(row.search_mode),
                json.loads(row.search_params),
                row.result_count,
                row.execution_time_ms,
            )
            for mark in marks_of(record):
                yield mark, row.created_at, row.id, row.user_id

    def ends(self) -> _Marks:
        """What says that nobody's searches are to be looked through any more."""
        for user_id, (created_at, key) in self._oldest.items():
            yield "reached", created_at, key, user_id
