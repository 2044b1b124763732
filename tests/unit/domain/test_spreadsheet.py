"""Texts that a spreadsheet must not run."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.domain.spreadsheet import FIRST_BYTES, csv_text, guarded


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-x", "@SUM(A1)", "\tx", "\rx", "\nx", "\0x", "-5+1", "\x0b=1"]
)
def test_a_formula_is_text(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["＝1+1", "＋cmd", "－x", "＠SUM(A1)", "﹦1", "－５"])
def test_so_is_one_with_a_wide_sign(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["\u200b=1+1", "\ufeff\u2060@SUM(A1)", "\u202e＝1", "\u200b\t=1", "\u200b-5"]
)
def test_so_is_one_behind_what_nobody_sees(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    "text",
    [
        "-5",
        "+5",
        "-5.25",
        "-.5",
        "+1e-9",
        "5",
        "x=1",
        "",
        " =1",
        "'=1",
        "\u200b",
        "\u200bx",
        "。=1",
    ],
)
def test_numbers_and_plain_texts_stay(text: str) -> None:
    assert guarded(text) == text


@given(st.text(alphabet="=＝-\u200b\ufeff\t\x1fa5。\U0001f600", max_size=4))
def test_what_is_guarded_begins_with_a_known_byte(text: str) -> None:
    assert guarded(text) == text or text.encode()[:1] in FIRST_BYTES


@pytest.mark.parametrize("digits", ["-٣", "-５"])
def test_other_digits_make_no_number(digits: str) -> None:
    assert guarded(digits) == f"'{digits}"


@pytest.mark.parametrize("text", ["", "a", 'a"b', "a,b", "a\r\nb", " a ", "é", '"'])
def test_a_cell_is_read_back(text: str) -> None:
    assert next(csv.reader([f"{csv_text(text)},x\r\n"])) == [text, "x"]
