"""What a copy of a file holds is read row by row."""

from __future__ import annotations

import hashlib
import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled
from altus4_desktop.storage import file_backup

_MEGABYTE = 1 << 20


def test_large_rows_are_not_held_together(tmp_path: Path) -> None:
    file = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('1')")
        connection.execute("CREATE TABLE letters (id INTEGER PRIMARY KEY, body BLOB)")
        bodies = [(f"{number:x}" * _MEGABYTE,) for number in range(16)]
        connection.executemany("INSERT INTO letters (body) VALUES (?)", bodies)
        connection.commit()
    tracemalloc.start()
    try:
        content = file_backup.read_content(file, CancelToken())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * _MEGABYTE
    (letters,) = [table for table in content.tables if table.name == "letters"]
    rows = [repr((number + 1, body.encode())) for number, (body,) in enumerate(bodies)]
    assert letters.rows == 16
    assert letters.sha256 == hashlib.sha256("".join(rows).encode()).hexdigest()


def test_who_cancels_does_not_wait_for_more_than_a_large_row() -> None:
    token = CancelToken()

    class Rows:
        def execute(self, _: str) -> Iterator[tuple[Any, ...]]:
            yield (b"x" * 100_000,)
            token.cancel()
            yield (b"x" * 100_000,)
            pytest.fail("read on")

    with pytest.raises(Cancelled):
        file_backup._table_sum(Rows(), "letters", True, token)  # type: ignore[arg-type]  # only rows are read
