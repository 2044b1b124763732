"""Every row that is found, streamed from real servers into a file, or no file at all."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pyarrow import parquet

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import PoolSettings
from altus4_desktop.domain.errors import (
    AltusError,
    Cancelled,
    ConflictError,
    InputError,
    TenantError,
)
from altus4_desktop.domain.exports import ExportFormat, ExportReport
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.searching import SearchMode, SearchRequest
from altus4_desktop.services.exports.service import ExportsService
from altus4_desktop.services.permissions import Permissions
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer
from tests.waiting import wait_until

DECIMAL = "12345678901234567890123456789012345.123456789012345678901234567890"
DAY = datetime.fromisoformat("2026-02-28 12:30:00")
BODY = 'apple "pie", '
# Longer than a packet of the protocol, and nowhere on the server's disk.
LONG = f"LONGTEXT AS (REPEAT('{BODY}', IF(id = -2, 1000000, 0)))"
SHOP = (
    (
        "CREATE TABLE articles (id BIGINT PRIMARY KEY, title VARCHAR(99), body LONGTEXT,"
        " price DECIMAL(65,30), raw_bytes VARBINARY(9), flags BIT(9), day DATETIME, weight DOUBLE,"
        " nothing INT, blank VARCHAR(9), `100%` INT(5) ZEROFILL, FULLTEXT ft_title (title),"
        " FULLTEXT ft_body (body))"
    ),
    f"ALTER TABLE articles ADD COLUMN more {LONG}, ADD COLUMN still_more {LONG}",
    (
        "INSERT INTO articles (id, title, body, price, raw_bytes, flags, day, weight, nothing,"
        " blank, `100%`) VALUES (9007199254740993, '=SUM(A1) apple', '-5 pears', "
        f" '{DECIMAL}', x'00ff', b'100000001', '2026-02-28 12:30:00', 1.5, NULL, '', 42),"
        f" (-2, 'apple sauce', '{BODY}', -5, NULL, NULL, NULL, -1e-7, 7, 'x', 1),"
        " (3, 'a pear', 'an apple\\r\\nin two lines', 1, NULL, NULL, NULL, 0, 7, ' ', NULL),"
        " (4, 'a plum', 'no more', 1, NULL, NULL, NULL, 0, 7, ' ', NULL)"
    ),
)
YARD = (
    "CREATE TABLE trees (id INT PRIMARY KEY, title VARCHAR(99), FULLTEXT ft (title))",
    "INSERT INTO trees VALUES (1, 'apple tree'), (2, 'pear tree')",
)
MANY = (
    "CREATE TABLE notes (id INT PRIMARY KEY, body VARCHAR(400), FULLTEXT ft (body))",
    "CREATE TABLE digits (n INT PRIMARY KEY)",
    "INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
    (
        "INSERT INTO notes SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n,"
        " CONCAT('apple ', REPEAT('lorem ', 50)) FROM digits a, digits b, digits c, digits d,"
        " digits e WHERE e.n < 3"
    ),
)


@dataclass
class Shop:
    """The service and the search behind it."""

    world: SearchWorld
    exports: ExportsService

    def export(
        self, path: Path, made: ExportFormat = ExportFormat.CSV, **options: object
    ) -> tuple[int, int]:
        report = self.report(path, made, **options)
        return report.rows, report.size_bytes

    def report(
        self, path: Path, made: ExportFormat = ExportFormat.CSV, **options: object
    ) -> ExportReport:
        query = str(options.pop("query", "apple"))
        mode = SearchMode(str(options.pop("mode", "natural")))
        return self.exports.export_all_(
            self.world.actor,
            path,
            made,
            SearchRequest(query, mode),
            **options,  # type: ignore[arg-type]  # checked by use
        )


def _shop(world: SearchWorld) -> Shop:
    permissions = Permissions(world.metadata)
    exports = ExportsService(
        world.metadata, world.connections, world.search, world.pools, permissions
    )
    return Shop(world, exports)


@pytest.fixture(scope="module")
def shop(tenant_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Two small databases on both servers in turn."""
    with search_world(tmp_path_factory.mktemp("data")) as world:
        world.add_database(tenant_server, "shop", SHOP)
        world.add_database(tenant_server, "100% yard", YARD)
        # Pools and history start threads that live as long as this world.
        world.run("apple")
        yield _shop(world)


@pytest.fixture(scope="module")
def store(
    tenant_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """One database with 30,000 rows."""
    with search_world(tmp_path_factory.mktemp("data")) as world:
        pool = PoolSettings(query_timeout_s=5.0)
        world.add_database(tenant_server, "store", MANY, pool=pool)
        # Pools and history start threads that live as long as this world.
        world.run("apple")
        yield _shop(world)


def test_every_row_is_there_once_and_exact(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    rows, size = shop.export(path)
    assert (rows, size) == (4, path.stat().st_size)
    csv.field_size_limit(64 * 1024 * 1024)
    with path.open(encoding="utf-8", newline="") as file:
        head, *found = csv.reader(file)
    assert head[:5] == ["connection", "table", "score", "id", "title"]
    by_id = {row[3]: dict(zip(head, row, strict=True)) for row in found if row[1] == "articles"}
    assert set(by_id) == {"9007199254740993", "-2", "3"}, "of two indexes, each row once"
    first = by_id["9007199254740993"]
    assert first["title"] == "'=SUM(A1) apple"
    assert (first["price"], first["raw_bytes"]) == (DECIMAL, "base64:AP8=")
    assert (first["flags"], first["100%"], first["nothing"]) == ("257", "00042", "")
    assert by_id["-2"]["more"] == by_id["-2"]["still_more"] == BODY * 1_000_000
    assert by_id["3"]["body"] == "an apple\r\nin two lines"
    (tree,) = (row for row in found if row[1] == "trees")
    assert (tree[0], tree[3], tree[4], tree[5]) == ("100% yard", "1", "apple tree", "")


def test_null_is_not_the_empty_text(shop: Shop, tmp_path: Path) -> None:
    shop.export(tmp_path / "x.csv", query="sum")
    line = (tmp_path / "x.csv").read_bytes().splitlines()[1]
    assert line.endswith(b',1.5,,"",00042,"",""')


def test_without_a_guard_nothing_is_changed(shop: Shop, tmp_path: Path) -> None:
    shop.export(tmp_path / "x.csv", query="sum", guard=False)
    assert b'"=SUM(A1) apple","-5 pears"' in (tmp_path / "x.csv").read_bytes()


@pytest.mark.parametrize("made", [ExportFormat.JSON, ExportFormat.NDJSON])
def test_json_tells_the_types(shop: Shop, tmp_path: Path, made: ExportFormat) -> None:
    path = tmp_path / "found"
    shop.export(path, made)
    text = path.read_text(encoding="utf-8")
    rows = (
        json.loads(text)
        if made is ExportFormat.JSON
        else list(map(json.loads, text.split("\n")[:-1]))
    )
    assert len(rows) == 4
    (row,) = (row for row in rows if row["key"] == {"id": 9007199254740993})
    assert row["columns"] == {
        "id": 9007199254740993,
        "title": "=SUM(A1) apple",
        "body": "-5 pears",
        "price": DECIMAL,
        "raw_bytes": {"base64": "AP8="},
        "flags": 257,
        "day": "2026-02-28 12:30:00",
        "weight": 1.5,
        "nothing": None,
        "blank": "",
        "100%": 42,
        "more": "",
        "still_more": "",
    }


def test_a_workbook_has_a_sheet_a_table_and_says_what_it_had_to_cut(
    shop: Shop, tmp_path: Path
) -> None:
    path = tmp_path / "x.xlsx"
    report = shop.report(path, ExportFormat.XLSX)
    book = openpyxl.load_workbook(path)
    assert (report.rows, book.sheetnames) == (4, ["trees", "articles"])
    head, *found = book["articles"].values
    rows = {row[3]: dict(zip(head, row, strict=True)) for row in found}
    first = rows["9007199254740993"]
    assert (first["connection"], first["table"]) == ("shop", "articles")
    assert (first["title"], first["price"]) == ("=SUM(A1) apple", DECIMAL)
    assert (first["day"], first["flags"], first["weight"]) == (DAY, 257, 1.5)
    assert (first["nothing"], first["raw_bytes"]) == (None, "base64:AP8=")
    assert (rows[-2]["price"], len(str(rows[-2]["more"]))) == (-5, 32_767)
    assert [row[3:] for row in book["trees"].values] == [("id", "title"), (1, "apple tree")]
    assert [remark.details["count"] for remark in report.remarks] == [2]


def test_parquet_has_the_types_of_the_tables(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    assert shop.report(path, ExportFormat.PARQUET).remarks == ()
    found = parquet.read_table(path)
    kinds = {field.name: str(field.type) for field in found.schema}
    assert kinds == {
        "connection": "string",
        "table": "string",
        "score": "double",
        "id": "int64",
        "title": "string",
        "body": "string",
        "price": "decimal256(65, 30)",
        "raw_bytes": "binary",
        "flags": "uint64",
        "day": "timestamp[us]",
        "weight": "double",
        "nothing": "int32",
        "blank": "string",
        "100%": "uint32",
        "more": "string",
        "still_more": "string",
    }
    rows = {(row["table"], row["id"]): row for row in found.to_pylist()}
    assert len(rows) == 4
    first = rows["articles", 9007199254740993]
    assert (first["price"], first["raw_bytes"]) == (Decimal(DECIMAL), b"\0\xff")
    assert (first["day"], first["flags"], first["100%"]) == (DAY, 257, 42)
    assert (first["nothing"], first["blank"]) == (None, "")
    assert rows["articles", -2]["more"] == BODY * 1_000_000
    assert (rows["trees", 1]["title"], rows["trees", 1]["price"]) == ("apple tree", None)


def test_markdown_is_a_table(shop: Shop, tmp_path: Path) -> None:
    shop.export(tmp_path / "x.md", ExportFormat.MARKDOWN, query="+apple +tree", mode="boolean")
    lines = (tmp_path / "x.md").read_text().splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("| 100% yard | trees | ")


def test_nothing_found_is_a_file_without_rows(shop: Shop, tmp_path: Path) -> None:
    assert shop.export(tmp_path / "x.json", ExportFormat.JSON, query="zebra") == (0, 4)
    assert json.loads((tmp_path / "x.json").read_bytes()) == []


def test_a_file_that_is_there_is_only_replaced_when_that_is_said(
    shop: Shop, tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("before")
    with pytest.raises(ConflictError):
        shop.export(path)
    assert path.read_text() == "before"
    shop.export(path, replaces=True)
    assert path.read_text(encoding="utf-8").startswith("connection,")


def test_a_semantic_search_has_no_everything(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="natural and boolean"):
        shop.export(tmp_path / "x.csv", mode="semantic")
    assert list(tmp_path.iterdir()) == []


def test_many_rows_come_in_blocks(store: Shop, tmp_path: Path) -> None:
    told: list[Progress] = []
    path = tmp_path / "x.ndjson"
    assert store.export(path, ExportFormat.NDJSON, progress=told.append)[0] == 30_000
    lines = path.read_text(encoding="utf-8").splitlines()
    ids = {json.loads(line)["key"]["id"] for line in lines}
    assert ids == set(range(30_000))
    assert told[0].message.startswith("Exported ")
    assert told[-1].message.startswith("Exported 30,000 rows, ")
    stats = store.world.pools.stats(store.world.connections.list_(store.world.actor)[0].id)
    assert stats is not None
    assert (stats.active, stats.idle) == (0, 1), "a whole stream leaves its connection in order"


@pytest.mark.parametrize("made", [ExportFormat.CSV, ExportFormat.XLSX, ExportFormat.PARQUET])
def test_cancelling_ends_it_at_once_here_and_there(
    store: Shop, tenant_server: DatabaseServer, tmp_path: Path, made: ExportFormat
) -> None:
    token = CancelToken()
    cancelled_at = []

    def cancel(_: Progress) -> None:
        cancelled_at.append(time.monotonic())
        token.cancel()

    with pytest.raises(Cancelled):
        store.export(tmp_path / "x", made, progress=cancel, token=token)
    assert time.monotonic() - cancelled_at[0] < 1.0
    assert list(tmp_path.iterdir()) == []

    def gone() -> bool:
        rows = tenant_server.execute("SHOW FULL PROCESSLIST")
        return not any("MATCH" in str(row[7]) for row in rows)

    wait_until(gone, timeout_s=5, what="the statement is gone")


def test_a_server_that_falls_silent_or_dies_is_a_clear_failure_and_no_file(
    tenant_server: DatabaseServer,
    private_server: Callable[..., DatabaseServer],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The limit holds for the wait for rows, whatever has come before."""
    server = private_server(tenant_server.flavour)
    with search_world(tmp_path_factory.mktemp("data")) as world:
        pool = PoolSettings(query_timeout_s=1.0)
        world.add_database(server, "store", MANY, pool=pool)
        # With the server they go by themselves.
        world.databases.clear()
        shop = _shop(world)
        silent_at: list[float] = []

        def pause(_: Progress) -> None:
            if not silent_at:
                silent_at.append(time.monotonic())
                server.pause()

        try:
            with pytest.raises(TenantError):
                shop.export(tmp_path / "x.csv", progress=pause)
        finally:
            server.resume()
        assert time.monotonic() - silent_at[0] < 8
        assert list(tmp_path.iterdir()) == []

        def kill(_: Progress) -> None:
            if server.running:
                server.kill()

        with pytest.raises(TenantError, match="was lost"):
            shop.export(tmp_path / "x.csv", progress=kill)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("made", [ExportFormat.CSV, ExportFormat.XLSX, ExportFormat.PARQUET])
def test_a_disk_that_fills_up_is_told_and_leaves_nothing(
    store: Shop, tmp_path: Path, made: ExportFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.FileIO):
        def write(self, data: Any, /) -> int:
            if self.tell() + len(data) > 20_000:
                raise OSError(28, "No space left on device")
            return super().write(data)

    def open_full(descriptor: int, mode: str) -> Any:
        return io.BufferedRandom(Full(descriptor, mode))

    monkeypatch.setattr("altus4_desktop.domain.files.os.fdopen", open_full)
    with pytest.raises(AltusError, match="No space left") as caught:
        store.export(tmp_path / "x", made)
    assert caught.value.code == "export.failed"
    assert list(tmp_path.iterdir()) == []
