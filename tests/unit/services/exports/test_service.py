"""Exports of found rows: whole or not at all, of one's own, and written down."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from pyarrow import parquet

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import ConnectionDraft, Flavour
from altus4_desktop.domain.errors import AltusError, Cancelled, ConflictError, InputError
from altus4_desktop.domain.exports import ExportFormat
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.schema import (
    ColumnInfo,
    DatabaseSchema,
    FulltextSettings,
    TableInfo,
)
from altus4_desktop.domain.searching import SearchHit, SourceRef, Value
from altus4_desktop.services import Services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = compose(tmp_path / "data")
    made.metadata.open_()
    made.vault.set_up_session()
    yield made
    made.close()


@pytest.fixture
def ada(services: Services) -> Actor:
    return services.accounts.create_first_admin("Ada", "ada@example.org", "correct horse battery")


@pytest.fixture
def hit(services: Services, ada: Actor) -> SearchHit:
    draft = ConnectionDraft("Books", "db.example.org", "books", "reader", password_secret="x")
    saved = services.connections.create_(ada, draft)
    source = SourceRef(saved.name, "books", "ft", saved.id)
    return SearchHit(source, {"id": 1}, 0.5, 1.0, 1, {"id": 1, "title": "Emma"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "exports"
    made.mkdir()
    return made


def names_in(folder: Path) -> list[str]:
    return [found.name for found in folder.iterdir()]


def test_an_export_is_whole_private_and_written_down(
    services: Services, ada: Actor, hit: SearchHit, folder: Path
) -> None:
    path = folder / "found.csv"
    report = services.exports.export_hits_(ada, path, ExportFormat.CSV, [hit, hit])
    content = path.read_bytes()
    assert content.splitlines()[1] == b"Books,books,0.5,1,Emma"
    assert (report.rows, report.size_bytes) == (2, len(content))
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
    assert names_in(folder) == ["found.csv"]
    event = services.audit.list_(ada)[0].event
    assert (event.action, event.subject_name) == ("search.exported", "found.csv")
    assert event.details["after"] == {"format": "csv", "rows": 2, "connections": ["Books"]}


def test_a_file_that_is_there_stays(
    services: Services, ada: Actor, hit: SearchHit, folder: Path
) -> None:
    path = folder / "found.csv"
    path.write_text("before")
    with pytest.raises(ConflictError) as caught:
        services.exports.export_hits_(ada, path, ExportFormat.CSV, [hit])
    assert caught.value.code == "export.exists"
    assert path.read_text() == "before"


def test_a_cancelled_export_leaves_nothing(
    services: Services, ada: Actor, hit: SearchHit, folder: Path
) -> None:
    token = CancelToken()

    def cancel(_: Progress) -> None:
        token.cancel()

    with pytest.raises(Cancelled):
        services.exports.export_hits_(
            ada, folder / "x.csv", ExportFormat.CSV, [hit, hit], progress=cancel, token=token
        )
    assert names_in(folder) == []
    assert services.audit.list_(ada)[0].event.action != "search.exported"


def test_a_full_disk_is_told_and_leaves_nothing(
    services: Services,
    ada: Actor,
    hit: SearchHit,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("altus4_desktop.domain.files.os.fsync", full)
    with pytest.raises(AltusError, match="No space left") as caught:
        services.exports.export_hits_(ada, folder / "x.csv", ExportFormat.CSV, [hit])
    assert caught.value.code == "export.failed"
    assert names_in(folder) == []


def test_a_cut_cell_is_read_whole(
    services: Services,
    ada: Actor,
    hit: SearchHit,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def read_row(actor: Actor, of: SearchHit, token: CancelToken) -> dict[str, object]:
        asked.append(of.key)
        return {"id": 1, "title": "Emma, whole"}

    monkeypatch.setattr(services.search, "read_row", read_row)
    cut = replace(hit, truncated={"title": 11})
    services.exports.export_hits_(ada, folder / "x.json", ExportFormat.JSON, [cut, hit])
    rows = json.loads((folder / "x.json").read_bytes())
    assert [row["columns"]["title"] for row in rows] == ["Emma, whole", "Emma"]
    assert asked == [{"id": 1}], "a whole row is not read again"


def test_a_workbook_keeps_the_hits_of_a_table_together(
    services: Services, ada: Actor, hit: SearchHit, folder: Path
) -> None:
    other = replace(hit, source=replace(hit.source, table="films"), columns={"year": 1996})
    cells: dict[str, Value] = {"id": 2, "title": "=1", "blob": b"\xff", "rest": None}
    hits = [hit, other, replace(hit, columns=cells, score=0.25)]
    report = services.exports.export_hits_(ada, folder / "x.xlsx", ExportFormat.XLSX, hits)
    book = openpyxl.load_workbook(folder / "x.xlsx")
    assert (report.rows, book.sheetnames) == (3, ["books", "films"])
    assert list(book["books"].values) == [
        ("connection", "table", "score", "id", "title", "blob", "rest"),
        ("Books", "books", 0.5, 1, "Emma", None, None),
        ("Books", "books", 0.25, 2, "=1", "base64:/w==", None),
    ]
    assert book["books"]["E3"].data_type == "s"


def test_parquet_takes_the_types_of_the_schema_and_else_of_the_values(
    services: Services,
    ada: Actor,
    hit: SearchHit,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells: dict[str, Value] = {"id": 2**63, "price": "1.50", "blob": b"\xff", "mixed": 1.5}
    hits = [replace(hit, columns=cells), replace(hit, columns={**cells, "mixed": "x", "id": 5})]
    services.exports.export_hits_(ada, folder / "x.parquet", ExportFormat.PARQUET, hits)
    found = parquet.read_table(folder / "x.parquet")
    kinds = {field.name: str(field.type) for field in found.schema}
    assert (kinds["id"], kinds["price"]) == ("uint64", "string")
    assert (kinds["blob"], kinds["mixed"]) == ("binary", "string")
    assert found.column("mixed").to_pylist() == ["1.5", "x"]
    assert found.column("id").to_pylist() == [2**63, 5]

    price = ColumnInfo("price", "decimal(5,2)", "decimal", nullable=True)
    table = TableInfo("books", "InnoDB", (price,), ("id",), (), None, None)
    schema = DatabaseSchema(
        "books", Flavour.MYSQL, "9", (table,), FulltextSettings(), datetime.now(UTC)
    )
    monkeypatch.setattr(
        services.connections, "find_known_schema", {hits[0].source.connection_id: schema}.get
    )
    services.exports.export_hits_(
        ada, folder / "x.parquet", ExportFormat.PARQUET, hits, replaces=True
    )
    found = parquet.read_table(folder / "x.parquet")
    assert found.column("price").to_pylist() == [Decimal("1.50")] * 2


def test_nothing_is_no_export(services: Services, ada: Actor, folder: Path) -> None:
    with pytest.raises(InputError):
        services.exports.export_hits_(ada, folder / "x.csv", ExportFormat.CSV, [])
    assert names_in(folder) == []
