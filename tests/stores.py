"""Places where a metadata store can be, and what its schema looks like from outside."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from altus4_desktop.domain.connections import TlsMode, TlsSettings
from altus4_desktop.storage.location import StoreLocation
from altus4_desktop.storage.store import Store, open_store
from tests.servers import DatabaseServer

Rows = list[tuple[Any, ...]]
Fingerprint = dict[str, list[tuple[str, ...]]]

STORE_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, DROP, CREATE VIEW, TRIGGER"
)


@dataclass(frozen=True, slots=True)
class StorePlace:
    """An empty place for one metadata store."""

    name: str
    location: StoreLocation
    password: str | None
    query: Callable[[str], Rows]

    def open(self) -> Store:
        """The store there; the caller closes it."""
        return open_store(self.location, self.password)

    @property
    def on_file(self) -> bool:
        """Whether it is SQLite."""
        return self.location.embedded

    @property
    def arguments(self) -> list[str]:
        """What `tests.store_worker` takes to find the place again."""
        return [self.location.url, self.password or ""]

    def fingerprint(self) -> Fingerprint:
        """Types, defaults, indexes, foreign keys, checks and triggers of every table."""
        return file_fingerprint(self.query) if self.on_file else server_fingerprint(self.query)

    def checksum(self) -> str:
        """A digest of every table's definition and rows."""
        digest = hashlib.sha256()
        if self.on_file:
            assert self.location.file is not None
            digest.update(self.location.file.read_bytes())
            return digest.hexdigest()
        for name, kind in self.query(
            "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME"
        ):
            digest.update(repr((name, kind)).encode())
            digest.update(repr(self.query(f"SHOW CREATE TABLE `{name}`")).encode())
            digest.update(repr(sorted(map(repr, self.query(f"SELECT * FROM `{name}`")))).encode())
        return digest.hexdigest()


def file_place(folder: Path) -> StorePlace:
    """A file in ``folder``."""
    file = folder / "store" / "metadata.sqlite3"

    def query(statement: str) -> Rows:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            rows = connection.execute(statement).fetchall()
            connection.commit()
            return rows

    return StorePlace("sqlite", StoreLocation(file=file), None, query)


def server_place(
    server: DatabaseServer, database: str, privileges: str = STORE_PRIVILEGES
) -> StorePlace:
    """The database ``database`` of ``server`` and an account for it."""
    account = server.create_account(privileges, database)
    location = StoreLocation(
        host=server.host,
        port=server.port,
        username=account.username,
        database=database,
        tls=TlsSettings(TlsMode.PREFERRED),
    )
    return StorePlace(
        str(server.flavour),
        location,
        account.password,
        lambda statement: server.execute(statement, database=database),
    )


def file_fingerprint(query: Callable[[str], Rows]) -> Fingerprint:
    """What SQLite keeps, without the texts that ALTER TABLE writes differently."""
    found: Fingerprint = {}
    for kind, name, table, text in query(
        "SELECT type, name, tbl_name, COALESCE(sql, '') FROM sqlite_master"
        " WHERE name NOT LIKE 'sqlite@_%' ESCAPE '@'"
        " AND name NOT IN ('migrations', 'alembic_version')"
    ):
        key = f"{kind} {name}"
        if kind == "table" and "VIRTUAL" not in text:
            found[key] = _texts(
                [
                    *query(f"SELECT * FROM pragma_table_xinfo('{name}')"),
                    *query(f"SELECT * FROM pragma_foreign_key_list('{name}')"),
                    *[(check,) for check in re.findall(r"CONSTRAINT ck_\w+ CHECK \(.*\)", text)],
                ]
            )
            for _, index, *rest in query(f"SELECT * FROM pragma_index_list('{name}')"):
                columns = query(f"SELECT * FROM pragma_index_xinfo('{index}')")
                # The numbers of automatic indexes depend on the order of creation.
                label = re.sub(r"autoindex_(\w+)_\d+", r"autoindex_\1", index)
                found.setdefault(f"index {label}", []).extend(_texts([(table, *rest), *columns]))
                found[f"index {label}"].sort()
        elif kind != "index":
            found[key] = [(" ".join(text.split()),)]
    return found


def server_fingerprint(query: Callable[[str], Rows]) -> Fingerprint:
    """What information_schema knows."""
    ours = "TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT IN ('migrations', 'alembic_version')"
    statements = {
        "tables": f"SELECT TABLE_NAME, ENGINE, TABLE_COLLATION FROM information_schema.TABLES"
        f" WHERE {ours}",
        "columns": "SELECT TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE,"
        " COLUMN_DEFAULT, EXTRA, COLLATION_NAME FROM information_schema.COLUMNS"
        f" WHERE {ours}",
        "indexes": "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, SEQ_IN_INDEX, COLUMN_NAME,"
        f" INDEX_TYPE FROM information_schema.STATISTICS WHERE {ours}",
        "foreign keys": "SELECT k.TABLE_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME,"
        " k.REFERENCED_COLUMN_NAME, r.DELETE_RULE, r.UPDATE_RULE, k.CONSTRAINT_NAME"
        " FROM information_schema.KEY_COLUMN_USAGE AS k"
        " JOIN information_schema.REFERENTIAL_CONSTRAINTS AS r"
        " ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME"
        " WHERE k.TABLE_SCHEMA = DATABASE()",
        # Which quotes are written depends on the session that reads.
        "checks": "SELECT CONSTRAINT_NAME, REPLACE(CHECK_CLAUSE, CHAR(34), CHAR(96))"
        " FROM information_schema.CHECK_CONSTRAINTS"
        " WHERE CONSTRAINT_SCHEMA = DATABASE()",
        "triggers": "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS"
        " WHERE TRIGGER_SCHEMA = DATABASE()",
    }
    return {name: _texts(query(statement)) for name, statement in statements.items()}


def _texts(rows: Rows) -> list[tuple[str, ...]]:
    return sorted(tuple(str(value) for value in row) for row in rows)
