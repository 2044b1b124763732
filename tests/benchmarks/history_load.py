"""Puts a made-up history into a metadata store, quicker than any program would."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pymysql

from tests.benchmarks.histories import COLUMNS, History
from tests.servers import DatabaseServer
from tests.stores import StorePlace

# A server reads the rows from a file: it has to be allowed to.
SERVER_OPTIONS = ("--secure-file-priv=",)
_LISTED = ", ".join(COLUMNS)
_FILE_ROWS = 200_000
_LONG_S = 3600


def load_file(place: StorePlace, history: History, *, searchable: bool = True) -> int:
    """Fill the migrated file at ``place``; returns the number of searches.

    Without ``searchable`` the words of the queries are not indexed.
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
        marks = ", ".join("?" * len(COLUMNS))
        for rows in history.rows():
            file.executemany(f"INSERT INTO searches ({_LISTED}) VALUES ({marks})", rows)
            count += len(rows)
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
        if not searchable:
            cursor.execute("ALTER TABLE searches DROP INDEX ft_query")
        later = {
            "idx_search_mode": "search_mode",
            "idx_created_at": "created_at",
            "idx_execution_time": "execution_time_ms",
            "idx_searches_user_date": "user_id, created_at",
            "idx_searches_user_created": "user_id, created_at",
        }
        cursor.execute(f"ALTER TABLE searches {', '.join(f'DROP INDEX {name}' for name in later)}")
        count = 0
        file = folder / "rows.tsv"
        lines: list[str] = []

        def send() -> None:
            file.write_text("".join(lines), encoding="utf-8")
            file.chmod(0o644)
            lines.clear()
            cursor.execute(
                f"LOAD DATA INFILE '{file}' INTO TABLE searches CHARACTER SET utf8mb4"
                f" FIELDS ESCAPED BY '' ({_LISTED.replace('database_id', '@source')})"
                " SET database_id = NULLIF(@source, '')"
            )

        for rows in history.rows():
            count += len(rows)
            lines += [
                "\t".join(["" if part is None else str(part) for part in row]) + "\n"
                for row in rows
            ]
            if len(lines) >= _FILE_ROWS:
                send()
        send()
        file.unlink()
        added = ", ".join(f"ADD INDEX {name} ({columns})" for name, columns in later.items())
        cursor.execute(f"ALTER TABLE searches {added}")
        cursor.execute("ANALYZE TABLE searches")
        cursor.fetchall()
    return count
