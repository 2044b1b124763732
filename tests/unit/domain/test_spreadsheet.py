"""Texts that a spreadsheet must not run."""

from __future__ import annotations

import csv

import pytest

from altus4_desktop.domain.spreadsheet import csv_text, guarded


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-x", "@SUM(A1)", "\tx", "\rx", "\nx", "\0x", "-5+1"]
)
def test_a_formula_is_text(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["-5", "+5", "-5.25", "-.5", "+1e-9", "5", "x=1", "", " =1", "'=1"]
)
def test_numbers_and_plain_texts_stay(text: str) -> None:
    assert guarded(text) == text


@pytest.mark.parametrize("digits", ["-٣", "-５"])
def test_other_digits_make_no_number(digits: str) -> None:
    assert guarded(digits) == f"'{digits}"


@pytest.mark.parametrize("text", ["", "a", 'a"b', "a,b", "a\r\nb", " a ", "é", '"'])
def test_a_cell_is_read_back(text: str) -> None:
    assert next(csv.reader([f"{csv_text(text)},x\r\n"])) == [text, "x"]
