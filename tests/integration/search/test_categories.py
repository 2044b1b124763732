"""The groups of a search are in its outcome and are written to its history."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

from altus4_desktop.domain.searching import Category, SearchRequest
from tests.search_world import search_world
from tests.servers import DatabaseServer

TABLE = "CREATE TABLE notes (id INT PRIMARY KEY, body TEXT, FULLTEXT ft (body))"
ROWS = (
    "INSERT INTO notes VALUES (1, 'flow in an apple orchard'), (2, 'orchard flow, apple'),"
    " (3, 'flow under a bridge'), (4, 'bridge and flow'), (5, 'flow alone'), (6, 'a stone')"
)


def test_groups_are_told_and_written_down(tmp_path: Path, tenant_server: DatabaseServer) -> None:
    with search_world(tmp_path) as world:
        world.add_database(tenant_server, "shop", [TABLE, ROWS])
        outcome = world.search.run(world.actor, SearchRequest("flow"))
        assert outcome.categories == (Category("apple, orchard", 2), Category("bridge", 2))
        assert world.history.close_()
        [file] = [path for path in tmp_path.rglob("*") if _is_database(path)]
        with contextlib.closing(sqlite3.connect(file)) as store:
            [(written,)] = store.execute("SELECT categories FROM searches").fetchall()
        kept = json.loads(written)
        assert kept == [{"name": "apple, orchard", "count": 2}, {"name": "bridge", "count": 2}]


def _is_database(path: Path) -> bool:
    return path.is_file() and path.read_bytes()[:13] == b"SQLite format"
