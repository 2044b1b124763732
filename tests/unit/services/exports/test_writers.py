"""Found rows as text, and read back by other people's readers."""

from __future__ import annotations

import base64
import csv
import json

import pytest

from altus4_desktop.domain.exports import ExportFormat
from altus4_desktop.domain.searching import SearchHit, SourceRef, Value
from altus4_desktop.services.exports.writers import export_pieces, markdown_text

HOSTILE: dict[str, Value] = {
    "id": 9007199254740993,
    "amount": "123456789012345678901234567890.123456789012345678901234567890",
    "nothing": None,
    "empty": "",
    "word": "NULL",
    "zero_date": "0000-00-00 00:00:00",
    "blob": b"\xff\x00\xfe",
    "json": '{"a": [1, "x,y"]}',
    "html": "<b>1|2</b>\r\nnext \\| `x`",
    "nul": "a\0b",
    "minus": "-5",
    "formula": "=1+1",
}


def text_of(export_format: ExportFormat, *rows: dict[str, Value], guard: bool = True) -> str:
    source = SourceRef("shop", "articles", "ft", "id-1")
    hits = [SearchHit(source, {"id": row.get("id")}, 0.5, 1.0, 1, row) for row in rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return "".join(export_pieces(hits, names, export_format, guard=guard))


def test_csv_is_read_back_cell_by_cell() -> None:
    head, row = csv.reader(text_of(ExportFormat.CSV, HOSTILE, guard=False).splitlines(True))
    assert head == ["connection", "table", "score", *HOSTILE]
    found = dict(zip(head, row, strict=True))
    for name, value in HOSTILE.items():
        if isinstance(value, bytes):
            assert base64.b64decode(found[name].removeprefix("base64:")) == value
        else:
            assert found[name] == ("" if value is None else str(value)), name


def test_csv_tells_null_from_an_empty_text() -> None:
    assert text_of(ExportFormat.CSV, {"a": None, "b": "", "c": "NULL"}).splitlines()[1] == (
        'shop,articles,0.5,,"",NULL'
    )


@pytest.mark.parametrize(("guard", "cell"), [(True, "'=1+1"), (False, "=1+1")])
def test_the_formula_guard_spares_numbers(guard: bool, cell: str) -> None:
    text = text_of(ExportFormat.CSV, {"a": "=1+1", "b": "-5"}, guard=guard)
    assert text.splitlines()[1] == f"shop,articles,0.5,{cell},-5"


@pytest.mark.parametrize("export_format", [ExportFormat.JSON, ExportFormat.NDJSON])
def test_json_keeps_every_value(export_format: ExportFormat) -> None:
    text = text_of(export_format, HOSTILE, {"id": 2, "other": "ü 🙂"})
    if export_format is ExportFormat.JSON:
        first, second = json.loads(text)
    else:
        first, second = map(json.loads, text.splitlines())
    assert first["key"] == {"id": 9007199254740993}
    blob = first["columns"].pop("blob")
    assert base64.b64decode(blob["base64"]) == HOSTILE["blob"]
    assert first["columns"] == {k: v for k, v in HOSTILE.items() if k != "blob"}
    assert second["columns"] == {"id": 2, "other": "ü 🙂"}, "a column of another table is left out"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\0b\x1b[1m\x7f\x9b", r"a�b�\[1m��"),
        ("a\u2028b\u2029c\x85d\x0be\x0cf", "a<br>b<br>c<br>d<br>e<br>f"),
        ("a\tb", "a b"),
        ("see https://example.org/a_b.", r"see https\://example.org/a\_b."),
        ("WWW.example.org", r"WWW\.example.org"),
        ("10:30, a.b", "10:30, a.b"),
    ],
)
def test_markdown_holds_no_control_and_makes_no_links(text: str, shown: str) -> None:
    assert markdown_text(text) == shown


def test_markdown_keeps_a_row_in_its_line_and_its_cells_apart() -> None:
    lines = text_of(
        ExportFormat.MARKDOWN, {"a|b": "1|2\r\n<b>*x*", "n": None, "e": "", "w": "*NULL*"}
    ).splitlines()
    assert lines == [
        r"| connection | table | score | a\|b | n | e | w |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        r"| shop | articles | 0.5 | 1\|2<br>\<b\>\*x\* | *NULL* |  | \*NULL\* |",
    ]
