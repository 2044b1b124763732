"""Rows of the builder and the text: each follows the other."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from altus4_desktop.domain.query_reading import BuilderRow, RowKind
from altus4_desktop.search.rows import add_row, change_row, read_rows, remove_row
from tests.unit.search.test_lint import BOOLEAN_TEXT

ROWS = st.builds(
    BuilderRow,
    st.sampled_from(RowKind),
    st.sampled_from(["flow", "two words", 'a "b" +', "(x", "c++", "", "  "]),
    st.sampled_from(["", "+", "-", "~"]),
    st.integers(-3, 2000),
)


def test_a_query_as_rows() -> None:
    assert read_rows('+flow -lay* "two words" "near by"@4 ~(a +b)') == (
        BuilderRow(RowKind.WORD, "flow", "+"),
        BuilderRow(RowKind.PREFIX, "lay", "-"),
        BuilderRow(RowKind.PHRASE, "two words"),
        BuilderRow(RowKind.NEAR, "near by", "", 4),
        BuilderRow(RowKind.GROUP, "a +b", "~"),
    )
    assert read_rows("(flow") is None
    assert read_rows("") == ()


@pytest.mark.parametrize(
    ("place", "row", "expected"),
    [
        (1, BuilderRow(RowKind.WORD, "wind", "-"), "+flow   -wind  (a  b)"),
        (0, BuilderRow(RowKind.PREFIX, "flow"), "flow*   layer  (a  b)"),
        (1, BuilderRow(RowKind.WORD, "two words"), '+flow   "two words"  (a  b)'),
        (1, BuilderRow(RowKind.NEAR, "two words", "+", 3), '+flow   +"two words"@3  (a  b)'),
        (1, BuilderRow(RowKind.GROUP, "x +y", "-"), "+flow   -(x +y)  (a  b)"),
        (1, BuilderRow(RowKind.WORD, ""), "+flow   (a  b)"),
    ],
)
def test_a_changed_row_leaves_the_others_as_typed(
    place: int, row: BuilderRow, expected: str
) -> None:
    changed = change_row("+flow   layer  (a  b)", place, row)
    assert " ".join(changed.split()) == " ".join(expected.split())
    assert changed.endswith("(a  b)")


@given(BOOLEAN_TEXT, ROWS, st.data())
def test_every_change_reads_as_its_row(text: str, row: BuilderRow, data: st.DataObject) -> None:
    rows = read_rows(text)
    assume(rows)
    assert rows is not None
    place = data.draw(st.integers(0, len(rows) - 1))
    after = read_rows(change_row(text, place, row))
    assert after is not None
    assert after[:place] == rows[:place]
    assert len(after) in (len(rows), len(rows) - 1)
    if len(after) == len(rows):
        assert after[place].sign == row.sign
        assert after[place + 1 :] == rows[place + 1 :]
    removed = read_rows(remove_row(text, place))
    assert removed == (*rows[:place], *rows[place + 1 :])


@given(BOOLEAN_TEXT, ROWS)
def test_an_added_row_stands_last(text: str, row: BuilderRow) -> None:
    rows = read_rows(text)
    assume(rows is not None)
    assert rows is not None
    after = read_rows(add_row(text, row))
    assert after is not None
    assert after[: len(rows)] == rows
    assert len(after) - len(rows) in (0, 1)
