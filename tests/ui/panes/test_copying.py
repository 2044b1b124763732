"""What lands on the clipboard, to the character."""

from __future__ import annotations

import csv
import io
import json

import pytest

from altus4_desktop.domain.searching import SearchHit, SourceRef, Value
from altus4_desktop.ui.panes.search.copying import CopyFormat, copied_text

SOURCE = SourceRef("Shop", "items", "ft", "c1")


def hit(**columns: Value) -> SearchHit:
    return SearchHit(SOURCE, {"id": 7}, 0.5, 3.0, 1, columns)


TRAPS: dict[str, Value] = {
    "big": 9007199254740993,
    "price": "0.100000000000000000000000000001",
    "ratio": 0.1,
    "absent": None,
    "empty": "",
    "word": "NULL",
    "zero": 0,
    "negative": "-5.00",
    "quoted": 'say "hi", twice',
    "lines": "one\ntwo\r\nthree",
    "tab": "a\tb",
    "back": "c:\\new",
    "formula": "=1+1",
    "at": "@SUM(A1)",
    "plus": "+cmd|' /C calc'!A0",
    "minus": "-cmd",
    "bytes": b"\x00\xff",
    "date": "0000-00-00",
}


def test_csv_is_exact_and_no_formula_runs() -> None:
    text = copied_text([hit(**TRAPS)], CopyFormat.CSV)
    assert text == (
        "connection,table,big,price,ratio,absent,empty,word,zero,negative,quoted,lines,tab,back,"
        "formula,at,plus,minus,bytes,date\r\n"
        'Shop,items,9007199254740993,0.100000000000000000000000000001,0.1,,"",NULL,0,-5.00,'
        '"say ""hi"", twice","one\ntwo\r\nthree",a\tb,c:\\new,'
        "'=1+1,'@SUM(A1),'+cmd|' /C calc'!A0,'-cmd,0x00ff,0000-00-00\r\n"
    )


def test_csv_reads_back_as_it_was() -> None:
    text = copied_text([hit(**TRAPS)], CopyFormat.CSV)
    names, values = csv.reader(io.StringIO(text, newline=""))
    back = dict(zip(names, values, strict=True))
    for name in ("price", "word", "negative", "quoted", "lines", "tab", "back", "date"):
        assert back[name] == TRAPS[name]


def test_tsv_keeps_null_apart_and_one_row_on_one_line() -> None:
    text = copied_text([hit(**TRAPS)], CopyFormat.TSV)
    head, row, rest = text.split("\n")
    assert rest == ""
    back = dict(zip(head.split("\t"), row.split("\t"), strict=True))
    assert back["absent"] == "\\N"
    assert back["empty"] == ""
    assert back["word"] == "NULL"
    assert back["big"] == "9007199254740993"
    assert back["negative"] == "-5.00"
    assert back["tab"] == "a\\tb"
    assert back["lines"] == "one\\ntwo\\r\\nthree"
    assert back["back"] == "c:\\\\new"
    assert back["formula"] == "'=1+1"
    assert back["bytes"] == "0x00ff"


def test_a_text_that_says_backslash_n_is_not_null() -> None:
    assert copied_text([hit(a="\\N")], CopyFormat.TSV).endswith("\t\\\\N\n")


def test_json_is_exact() -> None:
    [record] = json.loads(copied_text([hit(**TRAPS)], CopyFormat.JSON))
    assert record["connection"] == "Shop"
    assert record["table"] == "items"
    assert record["key"] == {"id": 7}
    assert record["columns"]["formula"] == "=1+1"
    assert record["columns"]["bytes"] == {"base64": "AP8="}
    untouched = {name: value for name, value in TRAPS.items() if name != "bytes"}
    assert untouched.items() <= record["columns"].items()


def test_hits_of_different_tables_share_one_head() -> None:
    other = SearchHit(SourceRef("Wiki", "pages"), {}, 0.1, 1.0, 1, {"text": "x", "id": 2})
    text = copied_text([hit(id=1, name="n"), other], CopyFormat.TSV)
    assert (
        text
        == "connection\ttable\tid\tname\ttext\nShop\titems\t1\tn\t\\N\nWiki\tpages\t2\t\\N\tx\n"
    )


@pytest.mark.parametrize("text", ["-5", "+5", "-0.5", "1e9", "-1.5E+10", ".5"])
def test_numbers_are_not_guarded(text: str) -> None:
    assert copied_text([hit(a=text)], CopyFormat.CSV).endswith(f",{text}\r\n")


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1", "-", "+", "-1-1", "--5"])
def test_everything_else_that_starts_like_a_formula_is_guarded(text: str) -> None:
    assert "'" + text[0] in copied_text([hit(a=text)], CopyFormat.CSV)
