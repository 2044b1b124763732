"""The demo's databases: how they are made and filled on the managed server.

A database counts as loaded once its name stands in ``altus4_demo.loads``, written after all its
rows: whatever a kill leaves behind is dropped and made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, Target
from altus4_desktop.domain.local_server import SampleTable
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.mysql import sample_traps
from altus4_desktop.mysql.sample_shapes import SHAPES, Rows, TableShape

if TYPE_CHECKING:
    from altus4_desktop.driver.wire import WireConnection

_EDITION = 1
_BATCH_ROWS = 400
_BATCH_BYTES = 4_000_000
_CONTROL = "altus4_demo"


class SampleLoader:
    """Makes, fills and counts the demo's databases over one administrator's connection."""

    def __init__(self, connection: WireConnection, target: Target, flavour: Flavour) -> None:
        self._connection = connection
        self._target = target
        self._flavour = flavour

    def loaded(self) -> frozenset[str]:
        """The databases that are completely loaded; raises TenantError."""
        with self._errors():
            self._run(f"CREATE DATABASE IF NOT EXISTS `{_CONTROL}`")
            self._run(
                f"CREATE TABLE IF NOT EXISTS `{_CONTROL}`.loads (name VARCHAR(64) PRIMARY KEY, "
                "edition INT NOT NULL, row_count INT NOT NULL, "
                "finished_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB"
            )
            kept = self._rows(f"SELECT name FROM `{_CONTROL}`.loads WHERE edition = {_EDITION}")
            here = {str(row[0]) for row in self._rows("SHOW DATABASES")}
        return frozenset(str(row[0]) for row in kept) & here

    def load(
        self,
        database: str,
        rows: Mapping[str, Rows],
        progress: ProgressSink,
        token: CancelToken,
    ) -> int:
        """Make ``database`` anew with the tables of `SHAPES`; returns the number of rows.

        Raises TenantError, Cancelled.
        """
        return self._fill(database, SHAPES[database], rows, progress, token)

    def load_traps(self, progress: ProgressSink, token: CancelToken) -> int:
        """Make the database of planted traps anew; raises TenantError, Cancelled."""
        shapes = sample_traps.shapes(self._flavour)
        rows = sample_traps.rows()
        return self._fill(
            sample_traps.DATABASE,
            shapes,
            {shape.name: rows[shape.name] for shape in shapes},
            progress,
            token,
            afterwards=sample_traps.AFTERWARDS,
        )

    def count(self, databases: Iterable[str]) -> tuple[SampleTable, ...]:
        """The exact number of rows of every table of ``databases``; raises TenantError."""
        with self._errors():
            return tuple(
                SampleTable(database, table, self._count_rows(database, table))
                for database in databases
                for table, kind in self._rows(f"SHOW FULL TABLES FROM {_quoted(database)}")
                if kind == "BASE TABLE"
            )

    def _fill(
        self,
        database: str,
        shapes: Sequence[TableShape],
        rows: Mapping[str, Rows],
        progress: ProgressSink,
        token: CancelToken,
        afterwards: Sequence[str] = (),
    ) -> int:
        total = sum(map(len, rows.values()))
        done = 0
        with self._errors():
            # The mark goes first: a kill between the two must not leave it standing.
            self._run(f"DELETE FROM `{_CONTROL}`.loads WHERE name = '{database}'")
            self._run(f"DROP DATABASE IF EXISTS {_quoted(database)}")
            self._run(f"CREATE DATABASE {_quoted(database)}")
            self._run(f"USE {_quoted(database)}")
            # Zero dates are among the traps; strict servers refuse them otherwise.
            self._run("SET SESSION sql_mode = ''")
            for shape in shapes:
                token.raise_if_cancelled()
                # Both servers fill an existing FULLTEXT index faster than they build one later.
                self._run(_create_statement(shape))
                self._run("START TRANSACTION")
                for batch in _batches(rows[shape.name]):
                    token.raise_if_cancelled()
                    self._insert(shape, batch)
                    done += len(batch)
                    progress(
                        Progress(
                            f"Loading {database}: {done:,} of {total:,} rows",
                            done / total if total else 1.0,
                        )
                    )
                self._run("COMMIT")
            for statement in afterwards:
                self._run(statement)
            self._run("ANALYZE TABLE " + ", ".join(_quoted(shape.name) for shape in shapes))
            self._run(
                f"INSERT INTO `{_CONTROL}`.loads (name, edition, row_count) "
                f"VALUES ('{database}', {_EDITION}, {total})"
            )
        return total

    def _count_rows(self, database: str, table: str) -> int:
        [(count,)] = self._rows(f"SELECT COUNT(*) FROM {_quoted(database)}.{_quoted(table)}")
        return int(count)

    def _insert(self, shape: TableShape, batch: Rows) -> None:
        columns = ", ".join(_quoted(name) for name, _ in shape.columns)
        into = f"{_quoted(shape.name)} ({columns})".replace("%", "%%")
        marks = ", ".join(["%s"] * len(shape.columns))
        with self._connection.cursor() as cursor:
            # PyMySQL makes one statement of as many rows as fit.
            cursor.executemany(f"INSERT INTO {into} VALUES ({marks})", batch)

    def _run(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def _rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from pymysql import MySQLError

        try:
            yield
        except (MySQLError, OSError) as error:
            from altus4_desktop.driver.failures import translate

            raise translate(error, self._target) from error


@contextmanager
def open_loader(target: Target, token: CancelToken) -> Iterator[SampleLoader]:
    """A loader over a connection of its own, closed afterwards; raises TenantError, Cancelled."""
    from altus4_desktop.driver.connect import open_connection, server_flavour

    connection = open_connection(target, token=token, use_database=False)
    try:
        flavour, _ = server_flavour(connection)
        yield SampleLoader(connection, target, flavour)
    finally:
        connection.close()


def _create_statement(shape: TableShape) -> str:
    parts = [f"{_quoted(name)} {kind}" for name, kind in shape.columns]
    parts += shape.keys
    return (
        f"CREATE TABLE {_quoted(shape.name)} ({', '.join(parts)}) "
        f"ENGINE={shape.engine} {shape.options}"
    ).rstrip()


def _batches(rows: Rows) -> Iterator[Rows]:
    batch: list[tuple[object, ...]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if isinstance(value, (str, bytes)))
        if len(batch) >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
