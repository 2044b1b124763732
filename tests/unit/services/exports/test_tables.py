"""Rows as XLSX and Parquet, read back by other people's readers."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.exports import ExportFormat
from altus4_desktop.domain.schema import ColumnInfo
from altus4_desktop.mysql.stream import CellKind, RowBlock
from altus4_desktop.services.exports import xlsx
from altus4_desktop.services.exports.bulk import BulkSource
from altus4_desktop.services.exports.cell_types import CellType, Form, column_type, common_type
from altus4_desktop.services.exports.opening import open_writer
from altus4_desktop.services.exports.xlsx_parts import sheet_name

at = datetime.fromisoformat
Columns = Mapping[str, tuple[str, list[bytes | None]]]


def declared(text: str) -> CellType:
    """The type of a column that is declared as ``text``."""
    return column_type(ColumnInfo("x", text, re.split(r"[( ]", text, maxsplit=1)[0], nullable=True))


def write(
    export_format: ExportFormat, *tables: tuple[str, Columns]
) -> tuple[io.BytesIO, tuple[str, ...]]:
    """A file of ``tables`` with their columns, and what was remarked."""
    file = io.BytesIO()
    types = [{name: declared(kind) for name, (kind, _) in each.items()} for _, each in tables]
    with open_writer(file, export_format, types, guard=True) as writer:
        for (table, columns), kinds in zip(tables, types, strict=True):
            cells = [cells for _, cells in columns.values()]
            count = len(cells[0])
            sent = [sent_as(kind) for kind, _ in columns.values()]
            source = BulkSource(("shop", table), (), list(columns), [*sent, CellKind.FLOAT], kinds)
            writer.write(RowBlock((*cells, [b"0.5"] * count)), source)
    file.seek(0)
    return file, tuple(remark.text for remark in writer.remarks)


def sent_as(kind: str) -> CellKind:
    match declared(kind).form:
        case Form.INTEGER:
            return CellKind.BITS if kind.startswith("bit") else CellKind.INTEGER
        case Form.FLOAT:
            return CellKind.FLOAT
        case Form.BINARY:
            return CellKind.BINARY
        case _:
            return CellKind.TEXT


def sheet(*tables: tuple[str, Columns]) -> list[list[Any]]:
    """The cells of the first sheet, without the place and the score."""
    file, _ = write(ExportFormat.XLSX, *tables)
    made = openpyxl.load_workbook(file).worksheets[0]
    return [list(row[3:]) for row in made.iter_rows()]


def values(kind: str, *cells: bytes | None) -> list[Any]:
    """What a spreadsheet has in a column of ``kind``."""
    return [row[0].value for row in sheet(("notes", {"x": (kind, list(cells))}))[1:]]


def frame(*tables: tuple[str, Columns]) -> pa.Table:
    """What a Parquet file of ``tables`` holds."""
    return parquet.read_table(write(ExportFormat.PARQUET, *tables)[0])


def test_a_sheet_has_the_place_the_score_and_the_columns() -> None:
    file, remarks = write(ExportFormat.XLSX, ("notes", {"id": ("int", [b"7"])}))
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["notes"]
    assert list(book["notes"].values) == [
        ("connection", "table", "score", "id"),
        ("shop", "notes", 0.5, 7),
    ]
    assert book["notes"].freeze_panes == "A2"
    assert remarks == ()


@pytest.mark.parametrize(
    "text",
    ["=1+1", "@SUM(A1)", "http://x.y", "1e5", "TRUE", " a ", "a\nb\tc", "<&>\"'", "ü🙂", "%b"],
)
def test_text_is_text(text: str) -> None:
    (cell,) = sheet(("notes", {"x": ("text", [text.encode()])}))[1]
    assert (cell.value, cell.data_type) == (text, "s")
    assert cell.hyperlink is None


def test_null_is_an_empty_cell_and_an_empty_text_is_none() -> None:
    file, _ = write(
        ExportFormat.XLSX, ("notes", {"x": ("text", [None, b""]), "n": ("int", [None, b"1"])})
    )
    rows = zipfile.ZipFile(file).read("xl/worksheets/sheet1.xml").split(b"<row>")
    assert b"<c/><c/>" in rows[2]
    assert b"</c><c/>" not in rows[3]
    assert values("text", None, b"", b"x")[0] is None


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("bigint", b"-5", -5),
        ("bigint", b"999999999999999", 999999999999999),
        ("bigint", b"9007199254740993", "9007199254740993"),
        ("bigint unsigned", b"18446744073709551615", "18446744073709551615"),
        ("decimal(10,2)", b"1.50", 1.5),
        ("decimal(65,30)", b"0.100000000000000000000000000001", "0.100000000000000000000000000001"),
        ("decimal(30,20)", b"0.00000000000000000001", 1e-20),
        ("decimal(65,30)", b"-5." + b"0" * 30, -5),
        ("decimal(65,30)", b"123456789012345678", "123456789012345678"),
        ("decimal(20,0)", b"10000000000000000000", "10000000000000000000"),
        ("decimal(10,2)", b"=1+1", "=1+1"),
        ("double", b"-1e-7", -1e-7),
        ("bit(9)", b"\x01\x01", 257),
        ("varbinary(9)", b"\0\xff", "base64:AP8="),
        ("date", b"2026-02-28", at("2026-02-28 00:00:00")),
        ("date", b"1900-03-01", at("1900-03-01 00:00:00")),
        ("date", b"1900-02-28", "1900-02-28"),
        ("date", b"0000-00-00", "0000-00-00"),
        ("date", b"9999-12-31", at("9999-12-31 00:00:00")),
        ("date", b"today", "today"),
        ("datetime", b"2026-02-28 23:59:59", at("2026-02-28 23:59:59")),
        ("datetime(6)", b"2026-02-28 12:30:00.125000", at("2026-02-28 12:30:00.125000")),
        ("datetime", b"2026-02-30 00:00:00", "2026-02-30 00:00:00"),
        ("time", b"-838:59:59", "-838:59:59"),
        ("year", b"2026", 2026),
        ("json", b'{"a": 1}', '{"a": 1}'),
    ],
)
def test_values_are_exact_or_text(kind: str, cell: bytes, value: object) -> None:
    assert values(kind, cell, None, cell) == [value, None, value]
    assert values(kind, cell) == [value]
    other = values("text", cell) if declared(kind).form is Form.TEXT else None
    assert other in (None, [value])


def test_what_xml_cannot_hold_is_written_in_its_escaped_form() -> None:
    found = values("text", b"a\0b\r\nc\x1b", b"_x0041_", b"\xef\xbf\xbf", b"\xff\xfe", b"a\xffb")
    assert found == ["a_x0000_b_x000D_\nc_x001B_", "_x005F_x0041_", "_xFFFF_", "��", "a�b"]


def test_a_text_too_long_for_a_cell_is_cut_between_characters_and_told() -> None:
    long = "ü" * 32_766 + "🙂"
    file, remarks = write(
        ExportFormat.XLSX,
        ("notes", {"x": ("text", [long.encode(), ("é" * 32_767).encode(), None])}),
    )
    rows = list(openpyxl.load_workbook(file)["notes"].values)
    assert rows[1][3] == "ü" * 32_766
    assert rows[2][3] == "é" * 32_767
    assert remarks == ("Texts longer than the 32,767 characters that a cell may have were cut: 1.",)


def test_a_sheet_that_is_full_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "ROW_LIMIT", 3)
    file, _ = write(
        ExportFormat.XLSX,
        ("notes", {"id": ("int", [b"1", b"2", b"3", b"4", b"5"])}),
        ("More", {"x": ("text", [b"a"])}),
    )
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["notes", "notes (2)", "notes (3)", "More"]
    assert [row[3] for name in book.sheetnames[:3] for row in list(book[name].values)[1:]] == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert {next(book[name].values)[3] for name in book.sheetnames[:3]} == {"id"}


def test_nothing_found_is_a_workbook_that_opens() -> None:
    file = io.BytesIO()
    with open_writer(file, ExportFormat.XLSX, [], guard=True):
        pass
    assert list(openpyxl.load_workbook(file)["Found"].values) == [("connection", "table", "score")]


@pytest.mark.parametrize(
    ("table", "taken", "name"),
    [
        ("notes", (), "notes"),
        ("Notes", ("notes",), "Notes (2)"),
        ("a/b:[c]*?\\'", (), "a_b__c_____"),
        ("x" * 64, (), "x" * 31),
        ("x" * 64, ("x" * 31,), "x" * 27 + " (2)"),
        ("History", (), "History_"),
        ("", (), "_"),
        ("🙂" * 20, (), "🙂" * 15),
    ],
)
def test_a_sheet_is_called_as_its_table_where_that_may_be(
    table: str, taken: tuple[str, ...], name: str
) -> None:
    assert sheet_name(table, taken) == name


@pytest.mark.parametrize(
    ("kind", "cell", "arrow", "value"),
    [
        ("tinyint(1)", b"-128", pa.int8(), -128),
        ("smallint unsigned", b"65535", pa.uint16(), 65535),
        ("mediumint", b"-8388608", pa.int32(), -8388608),
        ("int(5) unsigned zerofill", b"00042", pa.uint32(), 42),
        ("bigint", b"9007199254740993", pa.int64(), 9007199254740993),
        ("bigint unsigned", b"18446744073709551615", pa.uint64(), 2**64 - 1),
        ("decimal(10,2)", b"-1.50", pa.decimal128(10, 2), Decimal("-1.50")),
        (
            "decimal(65,30)",
            b"1" * 35 + b"." + b"2" * 30,
            pa.decimal256(65, 30),
            Decimal("1" * 35 + "." + "2" * 30),
        ),
        ("float", b"1.5", pa.float32(), 1.5),
        ("double", b"-1e-7", pa.float64(), -1e-7),
        ("date", b"2026-02-28", pa.date32(), date(2026, 2, 28)),
        (
            "datetime(6)",
            b"9999-12-31 23:59:59.999999",
            pa.timestamp("us"),
            at("9999-12-31 23:59:59.999999"),
        ),
        ("timestamp", b"1970-01-01 00:00:01", pa.timestamp("us"), at("1970-01-01 00:00:01")),
        ("bit(9)", b"\x01\x01", pa.uint64(), 257),
        ("varbinary(9)", b"\0\xff", pa.binary(), b"\0\xff"),
        ("point", b"\0\0", pa.binary(), b"\0\0"),
        ("time", b"838:59:59", pa.string(), "838:59:59"),
        ("year", b"2026", pa.int16(), 2026),
        ("varchar(9)", "ü\0=1".encode(), pa.string(), "ü\0=1"),
        ("json", b"{}", pa.string(), "{}"),
        ("enum('a','b')", b"a", pa.string(), "a"),
    ],
)
def test_parquet_has_the_types_that_the_table_declares(
    kind: str, cell: bytes, arrow: pa.DataType, value: object
) -> None:
    found = frame(("notes", {"x": (kind, [cell, None])}))
    assert found.schema.field("x").type == arrow
    assert found.column("x").to_pylist() == [value, None]
    assert found.column_names == ["connection", "table", "score", "x"]
    assert found.column("table").to_pylist() == ["notes", "notes"]


def test_parquet_tells_null_from_an_empty_text_and_keeps_what_is_no_text() -> None:
    found = frame(("notes", {"x": ("text", [None, b"", b"\xff"])}))
    assert found.column("x").to_pylist() == [None, "", "�"]


def test_dates_of_no_calendar_are_null_in_parquet_and_told() -> None:
    cells: list[bytes | None] = [b"0000-00-00", b"2026-02-30", b"2026-02-28", None]
    file, remarks = write(ExportFormat.PARQUET, ("notes", {"x": ("date", cells)}))
    assert parquet.read_table(file).column("x").to_pylist() == [None, None, date(2026, 2, 28), None]
    assert remarks == ("Dates that are in no calendar, such as 0000-00-00, are null: 2.",)


def test_a_number_that_is_none_is_a_clear_failure() -> None:
    with pytest.raises(AltusError) as caught:
        write(ExportFormat.PARQUET, ("notes", {"price": ("decimal(5,2)", [b"1,5"])}))
    assert caught.value.code == "export.type"
    assert "price" in str(caught.value)


def test_columns_of_one_name_have_one_type_and_others_are_null() -> None:
    found = frame(
        ("a", {"id": ("int", [b"1"]), "x": ("int", [b"5"]), "score": ("text", [b"s"])}),
        (
            "b",
            {"id": ("bigint", [b"2"]), "x": ("varchar(9)", [b"y"]), "y": ("date", [b"2026-01-02"])},
        ),
    )
    assert found.drop_columns(["connection", "score"]).to_pylist() == [
        {"table": "a", "id": 1, "x": "5", "score_": "s", "y": None},
        {"table": "b", "id": 2, "x": "y", "score_": None, "y": date(2026, 1, 2)},
    ]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("int", "int unsigned", CellType(Form.INTEGER, 64)),
        ("tinyint unsigned", "bigint unsigned", CellType(Form.INTEGER, 64, signed=False)),
        ("tinyint", "bigint unsigned", CellType(Form.DECIMAL, digits=20)),
        ("decimal(10,2)", "decimal(6,4)", CellType(Form.DECIMAL, digits=12, scale=4)),
        ("float", "double", CellType(Form.FLOAT, 64)),
        ("datetime", "timestamp(3)", CellType(Form.DATETIME, scale=3)),
        ("date", "datetime", CellType(Form.TEXT)),
        ("int", "decimal(5,2)", CellType(Form.TEXT)),
        ("blob", "text", CellType(Form.TEXT)),
    ],
)
def test_a_common_type_holds_both(one: str, other: str, both: CellType) -> None:
    assert common_type([declared(one), declared(other)]) == both
    assert common_type([declared(other), declared(one)]) == both


def test_row_groups_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from altus4_desktop.services.exports import parquet as ours

    monkeypatch.setattr(ours, "_GROUP_BYTES", 1000)
    table: tuple[str, Columns] = ("notes", {"x": ("text", [b"y" * 600])})
    file, _ = write(ExportFormat.PARQUET, table, table, table)
    found = parquet.ParquetFile(file)
    assert [found.metadata.row_group(n).num_rows for n in range(found.num_row_groups)] == [2, 1]
